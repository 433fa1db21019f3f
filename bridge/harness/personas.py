"""The people of the demo world: one persona for each outcome of a sign-in, with what every provider says about them.

The law: a persona is the single source of its facts. The stand-in providers send them, the demo and the tests seed accounts
from them, and the end-to-end tests expect their outcome; nothing about a person is written down twice.

What each provider calls a person is in `uids.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from bridge.errors import (
    AccountBlocked,
    AccountEmailUnverified,
    AccountIdentityConflict,
    AccountPending,
    AccountSignupClosed,
    BridgeError,
    OrgUnknown,
    ProviderDenied,
    ProviderEmailMissing,
)
from bridge.harness.uids import uid_of
from bridge.identity import IdentityKey

Home = Literal["acme", "globex", "initech", "legacy"]
PROVIDERS = (
    *("google_oauth2", "github", "gitlab", "bitbucket", "microsoft", "salesforce", "slack", "atlassian_oauth2"),
    *("dingtalk", "alicloud", "casdoor", "authentik", "openid_connect", "oauth2"),
)
"""All that stand in, in the order of the sign-in page."""
FIRST_PROVIDERS = ("google_oauth2", "github", "gitlab", "openid_connect")
"""Those at which slow tests walk with everybody; the matrix walks all."""
SILENT_PROVIDERS = frozenset({"alicloud"})
"""Those that never share an address."""
UNVOUCHED_PROVIDERS = frozenset({"dingtalk", "atlassian_oauth2"})
"""Those that share addresses and vouch for none."""


class Landing(StrEnum):
    """How a sign-in that succeeds comes to its session."""

    KNOWN = "known"
    LINKED = "linked"
    CREATED = "created"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Seed:
    """The account that must exist before the persona signs in, in their home and with their email (confirmed) and username.

    `identities` says what is linked to it: `own` the persona's uid at every provider, `another` a different uid at every
    provider, `none` nothing.
    """

    state: Literal["active", "blocked"]
    identities: Literal["own", "another", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One person at every provider, and what comes of their sign-in.

    `email` is None for a person who shares none. `home` is the path of their organization, `legacy` for a local user of the
    legacy cell, None for nobody's. `outcome` is the way to a session, or the refusal they meet. `story` is one line for people.
    """

    key: str
    name: str
    email: str | None
    email_verified: bool
    home: Home | None
    outcome: Landing | type[BridgeError]
    story: str
    consents: bool = True
    two_factor: bool = False
    seed: Seed | None = None

    @property
    def username(self) -> str:
        """The login name at the providers that have one, and in the seeded account."""
        return self.key

    @property
    def password(self) -> str:
        """What the person types where a provider takes passwords from clients."""
        return f"the password of {self.key}"

    @property
    def outcome_code(self) -> str:
        """`known`, `linked`, `created`, `local`, or the code of the refusal."""
        return self.outcome.value if isinstance(self.outcome, Landing) else self.outcome.code

    def outcome_at(self, provider: str) -> Landing | type[BridgeError]:
        """Return what comes of the sign-in at *provider*: `outcome`, unless that rests on an address that it vouches for."""
        by_email = self.outcome in _BY_EMAIL
        if provider in SILENT_PROVIDERS and (by_email or self.outcome in (AccountEmailUnverified, OrgUnknown)):
            return ProviderEmailMissing
        return AccountEmailUnverified if provider in UNVOUCHED_PROVIDERS and by_email else self.outcome

    @property
    def hosted_domain(self) -> str | None:
        """The Google Workspace domain of the person's organization (`hd`), which a consumer account does not have."""
        if self.email is None or not self.email_verified or self.home in (None, "legacy"):
            return None
        return self.email.rpartition("@")[2]

    def uid(self, provider: str) -> str:
        """Return the uid that *provider* gives this person, as text."""
        return uid_of(provider, self.key)

    def seeded_identities(self) -> tuple[IdentityKey, ...]:
        """Return the identities that must be linked to the seeded account beforehand."""
        if self.seed is None or self.seed.identities == "none":
            return ()
        owner = self.key if self.seed.identities == "own" else f"another {self.key}"
        return tuple(IdentityKey(provider, uid_of(provider, owner)) for provider in PROVIDERS)


_BY_EMAIL = (Landing.LINKED, Landing.CREATED, AccountIdentityConflict, AccountPending, AccountSignupClosed)
_KNOWN = Seed(state="active", identities="own")

PERSONAS: tuple[Persona, ...] = (
    Persona(
        key="dana",
        name="Dana Field",
        email="dana@acme.example",
        email_verified=True,
        home="acme",
        outcome=Landing.KNOWN,
        seed=_KNOWN,
        story="Has signed in to Acme before: goes straight to her session.",
    ),
    Persona(
        key="lena",
        name="Lena Ortiz",
        email="lena@acme.example",
        email_verified=True,
        home="acme",
        outcome=Landing.LINKED,
        seed=Seed(state="active", identities="none"),
        story="Has an account at Acme, but never used this provider: linked by her verified email.",
    ),
    Persona(
        key="newton",
        name="Newton Adeyemi",
        email="newton@acme.example",
        email_verified=True,
        home="acme",
        outcome=Landing.CREATED,
        story="New at Acme, where sign-up is open: gets an account.",
    ),
    Persona(
        key="uma",
        name="Uma Patel",
        email="uma@acme.example",
        email_verified=False,
        home="acme",
        outcome=AccountEmailUnverified,
        story="Never confirmed her email at the provider: refused.",
    ),
    Persona(
        key="blake",
        name="Blake Morrow",
        email="blake@acme.example",
        email_verified=True,
        home="acme",
        outcome=AccountBlocked,
        seed=Seed(state="blocked", identities="own"),
        story="His account at Acme is blocked: refused.",
    ),
    Persona(
        key="carla",
        name="Carla Mendes",
        email="carla@acme.example",
        email_verified=True,
        home="acme",
        outcome=AccountIdentityConflict,
        seed=Seed(state="active", identities="another"),
        story="Comes with a second account of the same provider: refused, the first one stays linked.",
    ),
    Persona(
        key="petra",
        name="Petra Nováková",
        email="petra@globex.example",
        email_verified=True,
        home="globex",
        outcome=AccountPending,
        story="New at Globex, where somebody has to approve: told to wait.",
    ),
    Persona(
        key="ingrid",
        name="Ingrid Sandoval",
        email="ingrid@initech.example",
        email_verified=True,
        home="initech",
        outcome=Landing.KNOWN,
        seed=_KNOWN,
        story="Has signed in to Initech before, which lives on another cell: goes straight to her session.",
    ),
    Persona(
        key="iris",
        name="Iris Tanaka",
        email="iris@initech.example",
        email_verified=True,
        home="initech",
        outcome=AccountSignupClosed,
        story="New at Initech, where sign-up is closed: refused.",
    ),
    Persona(
        key="nora",
        name="Nora Lindström",
        email="nora@elsewhere.example",
        email_verified=True,
        home=None,
        outcome=OrgUnknown,
        story="Belongs to no organization: refused.",
    ),
    Persona(
        key="mia",
        name="Mia Fontaine",
        email=None,
        email_verified=False,
        home=None,
        outcome=ProviderEmailMissing,
        story="Shares no email address: refused, with a way on.",
    ),
    Persona(
        key="dee",
        name="Dee Chambers",
        email="dee@acme.example",
        email_verified=True,
        home="acme",
        outcome=ProviderDenied,
        consents=False,
        story="Says no when the provider asks for consent: nothing happens.",
    ),
    Persona(
        key="lorenzo",
        name="Lorenzo Greco",
        email="lorenzo@elsewhere.example",
        email_verified=True,
        home="legacy",
        outcome=Landing.LOCAL,
        seed=_KNOWN,
        story="Has an account on the legacy cell itself: signed in there, no bridge is crossed.",
    ),
)

BY_KEY: Mapping[str, Persona] = MappingProxyType({persona.key: persona for persona in PERSONAS})
