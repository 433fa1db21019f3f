"""What the stand-in knows and has handed out: clients, personas, codes, tokens, and every secret that it ever saw.

The law: all of it is in memory behind one lock, and a code is taken out in the same step that reads it, so that of two
exchanges at once one succeeds (RFC 6749 4.1.2).
"""

import hmac
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bridge.harness.personas import Persona

CODE_SECONDS = 600

SecretKind = Literal[
    "states", "nonces", "codes", "code_verifiers", "client_secrets", "access_tokens", "refresh_tokens", "id_tokens", "passwords"
]


@dataclass(frozen=True, slots=True)
class Client:
    """A client as it is registered at one provider; redirect URIs are compared exactly (RFC 9700 2.1)."""

    provider: str
    client_id: str
    client_secret: str
    redirect_uris: frozenset[str]

    def check_secret(self, secret: str) -> bool:
        """Whether *secret* is this client's."""
        return hmac.compare_digest(self.client_secret.encode(), secret.encode())


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code and all that it is bound to."""

    value: str
    provider: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    challenge: str | None
    persona: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token, with the refresh token that came beside it; `code` is None where it was not made from one."""

    value: str
    provider: str
    client_id: str
    scope: str
    persona: str
    code: str | None
    issued_at: datetime
    expires_at: datetime
    refresh: str | None = None

    def allows(self, scope: str) -> bool:
        """Whether the token was granted *scope*, or one of its words; the empty scope asks for nothing."""
        return not scope or not set(scope.split()).isdisjoint(self.scope.split())


class Ledger:
    """The memory of one stand-in server. `clock` returns aware UTC; `random_bytes` makes codes and tokens."""

    def __init__(
        self, personas: Iterable[Persona], *, clock: Callable[[], datetime], random_bytes: Callable[[int], bytes]
    ) -> None:
        self.clock = clock
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._personas = {persona.key: persona for persona in personas}
        self._clients: dict[tuple[str, str], Client] = {}
        self._codes: dict[tuple[str, str], Code] = {}
        self._tokens: dict[tuple[str, str], AccessToken] = {}
        self._secrets: dict[SecretKind, dict[str, None]] = {}

    def add_client(self, client: Client) -> None:
        """Register *client*, in place of one with the same id at the same provider."""
        self.saw("client_secrets", client.client_secret)
        with self._lock:
            self._clients[client.provider, client.client_id] = client

    def client(self, provider: str, client_id: str) -> Client | None:
        """Return a registered client."""
        with self._lock:
            return self._clients.get((provider, client_id))

    def put_persona(self, persona: Persona) -> None:
        """Add *persona*, in place of one with the same key."""
        with self._lock:
            self._personas[persona.key] = persona

    def persona(self, key: str) -> Persona | None:
        """Return the persona with *key*, with the facts of this moment."""
        with self._lock:
            return self._personas.get(key)

    def personas(self) -> tuple[Persona, ...]:
        """Return all personas, in the order they came."""
        with self._lock:
            return tuple(self._personas.values())

    def saw(self, kind: SecretKind, *values: str | None) -> None:
        """Remember secrets that were issued or received, even wrong ones, so that a test can look for them in logs."""
        with self._lock:
            for value in values:
                if value:
                    self._secrets.setdefault(kind, {})[value] = None

    def secrets(self) -> dict[str, list[str]]:
        """Return every secret ever seen, by kind, oldest first."""
        with self._lock:
            return {kind: list(values) for kind, values in self._secrets.items()}

    def new_secret(self, kind: SecretKind, *, prefix: str = "") -> str:
        """Return *prefix* and 256 random bits as hex, remembered as a secret."""
        value = prefix + self._random_bytes(32).hex()
        self.saw(kind, value)
        return value

    def keep_code(self, code: Code) -> None:
        """Remember a code that was just issued."""
        with self._lock:
            self._codes[code.provider, code.value] = code

    def code_lifetime_ends(self) -> datetime:
        """Return when a code issued now expires."""
        return self.clock() + timedelta(seconds=CODE_SECONDS)

    def take_code(self, provider: str, value: str, client_id: str) -> Code | None:
        """Return the code and spend it, or None if it is unknown, spent, expired, or another client's.

        Another client's code stays good: only its owner can spend it. A code that comes again revokes the tokens that it
        was exchanged for (RFC 6749 4.1.2).
        """
        with self._lock:
            code = self._codes.get((provider, value))
            if code is not None and code.client_id != client_id:
                return None
            self._codes.pop((provider, value), None)
            if code is None:
                self._tokens = {name: token for name, token in self._tokens.items() if token.code != value}
                return None
            return code if self.clock() < code.expires_at else None

    def keep_token(self, token: AccessToken) -> None:
        """Remember an access token that was just issued."""
        with self._lock:
            self._tokens[token.provider, token.value] = token

    def token(self, provider: str, value: str) -> AccessToken | None:
        """Return an access token, expired or not."""
        with self._lock:
            return self._tokens.get((provider, value))

    def refreshable(self, provider: str, refresh: str, client_id: str) -> AccessToken | None:
        """Return the token that *refresh* was issued with, if it is that client's and was not used or revoked."""
        with self._lock:
            found = [
                token for token in self._tokens.values() if (token.provider, token.refresh) == (provider, refresh) and refresh
            ]
        return next((token for token in found if token.client_id == client_id), None)

    def revoke(self, provider: str, value: str, client_id: str) -> bool:
        """Forget the token *value*, be it an access or a refresh token, and the one that came with it; false if there is none.

        Another client's stays good (RFC 7009 2.1).
        """
        with self._lock:
            gone = [
                key
                for key, token in self._tokens.items()
                if token.provider == provider and token.client_id == client_id and value in (token.value, token.refresh)
            ]
            for key in gone:
                del self._tokens[key]
            return bool(gone)

    def is_expired(self, token: AccessToken) -> bool:
        """Whether the token's time is over."""
        return self.clock() >= token.expires_at
