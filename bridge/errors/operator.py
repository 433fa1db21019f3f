"""What is told to whoever runs a command; never reaches a page.

The law: these are sentences for whoever can change it: they name the file, the key or the command, and hold no secret.
"""

from dataclasses import dataclass

from bridge.errors.root import ASK_ADMIN, BridgeError


@dataclass(kw_only=True, eq=False)
class OperatorError(BridgeError):
    """Raised to whoever runs a command: never reaches a page."""

    public_code = "internal"
    status = 500
    sentence = "Something failed on our side."
    next_step = ASK_ADMIN


@dataclass(kw_only=True, eq=False)
class ConfigInvalid(OperatorError):
    """Raised with every problem of a configuration at once, each a sentence that begins with its key path."""

    source: str
    problems: tuple[str, ...]
    code = "config.invalid"

    def __str__(self) -> str:
        return "\n".join((f"{self.source}: {len(self.problems)} problem(s)", *(f"  {problem}" for problem in self.problems)))


@dataclass(kw_only=True, eq=False)
class KeyRingError(OperatorError):
    """Raised if signing keys or trusted certificates cannot be loaded; `reason` says which file and what to do."""

    reason: str
    code = "keys.invalid"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class RotationRefused(OperatorError):
    """Raised if a step of a key rotation could lock somebody out; `reasons` are sentences, one a cell or a key."""

    reasons: tuple[str, ...]
    code = "keys.rotation_refused"

    def __str__(self) -> str:
        return "\n".join(("the keys stay as they are", *(f"  {reason}" for reason in self.reasons)))


@dataclass(kw_only=True, eq=False)
class NoSuchAccount(OperatorError):
    """Raised if an operator names an account that the organization does not have."""

    reason: str
    code = "accounts.not_found"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class WrongAccountState(OperatorError):
    """Raised if an account is not in a state that the operator's command starts from; `reason` says in which it is."""

    reason: str
    code = "accounts.wrong_state"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class NoSuchIdentity(OperatorError):
    """Raised if an operator names an identity that the account does not have."""

    reason: str
    code = "identities.not_found"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class LastIdentity(OperatorError):
    """Raised if an identity is the last way into its account, and nobody said that it is to go all the same."""

    reason: str
    code = "identities.last"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class DatabaseNotReady(OperatorError):
    """Raised if the database cannot be used or is not at the newest migration; `reason` says what to do."""

    reason: str
    code = "database.not_ready"

    def __str__(self) -> str:
        return self.reason


@dataclass(kw_only=True, eq=False)
class ServiceNotStarted(OperatorError):
    """Raised if a service cannot take its address or its first workers cannot start; `reason` says which."""

    reason: str
    code = "service.not_started"

    def __str__(self) -> str:
        return self.reason
