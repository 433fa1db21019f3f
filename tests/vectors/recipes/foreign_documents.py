"""Documents of foreign issuers that are not for us: our contract, another's key, another audience, too long a life."""

from typing import Any

from bridge.handoff import binding_of
from bridge.saml import names
from tests.saml.forge import cut, put, write
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.stated import PAT, SAM, STATEMENT, by, directory, of_the_directory, of_the_partner, partner, states
from tests.vectors.world import SECRET, World

_ASSERTION = "Response/Assertion"
_CONDITIONS = f"{_ASSERTION}/Conditions"
_DATA = f"{_ASSERTION}/Subject/SubjectConfirmation/SubjectConfirmationData"


def _partner(name: str, because: str, threat: int, expect: str, node: str, *edits: Any, **more: Any) -> Case:
    signing = more.pop("signing", {})
    return of_the_partner(
        f"foreign-{name}", because, partner(PAT, *edits, **signing), threat=threat, expect=expect, node=node, **more
    )


_CONTRACT = [
    of_the_partner(
        "foreign-speaks-our-contract",
        "An issuer that is mapped states our contract, word for word.",
        by("partner"),
        threat=48,
        expect="handoff.contract",
        node=STATEMENT,
    ),
    of_the_partner(
        "foreign-states-a-contract",
        "An issuer that is mapped states a contract among its own attributes.",
        partner({**PAT, "contract": ("cellbridge/1",)}),
        threat=48,
        expect="handoff.contract",
        node=STATEMENT,
    ),
    of_the_partner(
        "foreign-states-an-empty-contract",
        "An Attribute called contract, without a value.",
        partner({**PAT, "contract": ()}),
        threat=48,
        expect="handoff.contract",
        node=STATEMENT,
    ),
    Case(
        name="legacy-cell-in-foreign-words",
        because="A legacy cell, which is not mapped, states what a foreign issuer would.",
        build=lambda world: world.signed(states(PAT)),
        threat=48,
        expect="handoff.contract",
        node=STATEMENT,
    ),
]

_KEYS = [
    _partner(
        "by-a-legacy-cell",
        "A legacy cell's key does not speak for the partner.",
        17,
        "handoff.signature",
        f"{_ASSERTION}/Signature",
        signing={"key": "rsa-2048"},
    ),
    _partner(
        "by-another-foreign-issuer",
        "The directory's key does not speak for the partner.",
        17,
        "handoff.signature",
        f"{_ASSERTION}/Signature",
        signing={"key": "ec-p256", "method": names.ECDSA_SHA256},
    ),
    of_the_directory(
        "foreign-directory-by-the-partner",
        "The partner's key does not speak for the directory.",
        directory(SAM, key="partner", method=names.RSA_SHA256),
        threat=17,
        expect="handoff.signature",
        node="Response/Signature",
    ),
    Case(
        name="legacy-cell-by-the-partner",
        because="The partner's key does not speak for a legacy cell.",
        build=by("partner", org="initech"),
        threat=17,
        expect="handoff.signature",
        node="Response/Signature",
        org="initech",
    ),
    _partner(
        "response-signed-alone",
        "The trust wants the assertion signed.",
        10,
        "handoff.signature",
        _ASSERTION,
        signing={"parts": "response"},
    ),
    _partner(
        "two-issuers",
        "The Response is said to be another's.",
        30,
        "handoff.issuer",
        "Response/Issuer",
        write("/p:Response/a:Issuer", "https://directory.example/idp"),
    ),
]


def _timed(name: str, because: str, expect: str, node: str, seconds: tuple[int, int]) -> Case:
    def build(world: World) -> bytes:
        end = world.time(seconds[1])
        edits = [put("//a:Conditions", "NotOnOrAfter", end), put("//a:SubjectConfirmationData", "NotOnOrAfter", end)]
        edits += [put(path, "IssueInstant", world.time(seconds[0])) for path in ("/p:Response", "/p:Response/a:Assertion")]
        start = [
            put("//a:Conditions", "NotBefore", world.time(seconds[0])),
            put("//a:AuthnStatement", "AuthnInstant", world.time(seconds[0])),
        ]
        return partner(PAT, *edits, *start)(world)

    return of_the_partner(f"foreign-{name}", because, build, threat=31, expect=expect, node=node)


_CONDITIONS_ = [
    _partner(
        "for-another-organization",
        "The audience is another organization of the cell.",
        27,
        "handoff.audience",
        f"{_CONDITIONS}/AudienceRestriction/Audience",
        write("//a:Audience", "https://cells.example/o/initech/auth/saml/metadata"),
    ),
    _partner(
        "without-audience",
        "It is meant for nobody in particular.",
        27,
        "handoff.audience",
        _CONDITIONS,
        cut("//a:AudienceRestriction"),
    ),
    _partner(
        "answer-to-a-request",
        "The answer to somebody's request is stolen, and posted here.",
        33,
        "handoff.solicited",
        _DATA,
        put("//a:SubjectConfirmationData", "InResponseTo", "_request"),
    ),
    _partner(
        "recipient",
        "It is to be delivered elsewhere.",
        28,
        "handoff.recipient",
        _DATA,
        put("//a:SubjectConfirmationData", "Recipient", "https://evil.example"),
    ),
    _partner(
        "destination-missing",
        "It does not say where it goes.",
        29,
        "handoff.destination",
        "Response",
        lambda root: root.attrib.pop("Destination"),
    ),
    _timed("too-long-a-life", "It may be used for an hour.", "handoff.lifetime", _CONDITIONS, (0, 3600)),
    _timed("expired", "It was good until a minute ago.", "handoff.expired", _CONDITIONS, (-200, -60)),
    _timed("not-yet", "It will be good in a minute.", "handoff.not_yet_valid", _ASSERTION, (60, 120)),
]

_BROWSERS = [
    of_the_partner(
        "foreign-where-a-browser-is-bound",
        "Nothing binds a foreign issuer's response to a browser, and this organization wants that.",
        partner(PAT, org="acme"),
        threat=44,
        expect="handoff.unbound",
        node=STATEMENT,
        org="acme",
    ),
    of_the_partner(
        "foreign-where-a-browser-is-bound-with-cookie",
        "A cookie of our own binds the browser to another sign-in.",
        partner(PAT, org="acme"),
        threat=44,
        expect="handoff.unbound",
        node=STATEMENT,
        org="acme",
        binding=SECRET,
    ),
    of_the_partner(
        "foreign-with-a-binding",
        "It states the binding of the browser's own cookie, and is not asked.",
        partner({**PAT, "binding": (binding_of(SECRET),)}, org="acme"),
        threat=44,
        expect="handoff.unbound",
        node=STATEMENT,
        org="acme",
        binding=SECRET,
    ),
]

CASES = [*_CONTRACT, *_KEYS, *_CONDITIONS_, *_BROWSERS]
