"""The eighteen checks of a handoff, in order: one list, two readers.

 1 form            2 XML             3 root            4 schema          5 status          6 one assertion
 7 signature       8 issuer          9 destination    10 audience       11 confirmation   12 time
13 contract       14 attributes     15 organization   16 binding        17 second opinion 18 not spent before

The endpoint stops at the first refusal (`bridge.saml.verify`); an inspector runs every check that can still run. Most checks
only judge; four of them *open* what the later ones read: 2 the document, 7 the signed tree, 12 its times, 14 the claims.

The law: what is refused anywhere is refused by a check in `CHECKS`, and each raises only the refusals that it lists. Check 1 is
`bridge.saml.form.read_response`, since it reads a form; check 18 is an insert in the store, in the transaction of the sign-in.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bridge import errors
from bridge.contract import Claims
from bridge.saml import claims, conditions, shape, signature
from bridge.saml.claims import Claimed, Stated
from bridge.saml.conditions import Arrived, Window
from bridge.saml.form import read_response
from bridge.saml.second_opinion import Asked, ask_second_opinion
from bridge.saml.signature import Received, SignedHandoff
from bridge.saml.xml import Document, read_document

Given = TypeVar("Given")
Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[Given, Opened]):
    """One check: its number, the refusals it can raise (the first is its own), the rule's source, what to do about it."""

    number: int
    title: str
    refusals: tuple[type[errors.HandoffError], ...]
    source: str
    hint: str
    judge: Callable[[Given], Opened]

    @property
    def code(self) -> str:
        """The code of the check's own refusal."""
        return self.refusals[0].code


def _by_the_store(_given: object) -> None:
    raise NotImplementedError("a handoff is spent in the transaction of the sign-in, by the account store")


FORM: Check[Iterable[tuple[str, str]], bytes] = Check(
    number=1,
    title="One SAMLResponse in strict base64",
    refusals=(errors.HandoffMalformed,),
    source="SAML bindings 3.5.4; RFC 4648 3.5",
    hint="Post the form of the legacy cell unchanged: one field SAMLResponse, base64 without compression.",
    judge=read_response,
)
XML: Check[bytes, Document] = Check(
    number=2,
    title="Plain XML within the limits",
    refusals=(errors.HandoffMalformed,),
    source="XML 1.0; RFC 3741; cellbridge/1: UTF-8, elements and text only",
    hint="The sender must write XML in UTF-8 without DOCTYPE, comments and processing instructions.",
    judge=read_document,
)
ROOT: Check[Document, None] = Check(
    number=3,
    title="A SAML 2.0 Response",
    refusals=(errors.HandoffSchema,),
    source="SAML core 3.2.2, 1.3.4",
    hint="The endpoint takes a samlp:Response of version 2.0, not an Assertion alone and no other message.",
    judge=shape.check_root,
)
SCHEMA: Check[Document, None] = Check(
    number=4,
    title="Valid by the schema and the closed profile",
    refusals=(errors.HandoffSchema,),
    source="saml-schema-protocol-2.0.xsd; cellbridge/1",
    hint="Remove what the profile does not know: extensions, advice, attributes of other namespaces.",
    judge=shape.check_schema,
)
STATUS: Check[Document, None] = Check(
    number=5,
    title="Status Success",
    refusals=(errors.HandoffStatus,),
    source="SAML core 3.2.2.2",
    hint="The legacy cell reports a failure of its own; look in its log for the reference.",
    judge=shape.check_status,
)
ASSERTION_COUNT: Check[Document, None] = Check(
    number=6,
    title="Exactly one Assertion, in the Response",
    refusals=(errors.HandoffAssertionCount,),
    source="SAML profiles 4.1.4.2; signature wrapping (USENIX Security 2012)",
    hint="More than one assertion is the mark of a forged document; a correct sender puts in one.",
    judge=shape.check_assertion_count,
)
SIGNATURE: Check[Received, SignedHandoff] = Check(
    number=7,
    title="Signed by a pinned key, over its own parent",
    refusals=(errors.HandoffSignature, errors.HandoffAlgorithm, errors.HandoffMalformed),
    source="SAML core 5.4, 6; XML Signature 4.4; RFC 9231; XML Encryption 1.1",
    hint="Compare the fingerprint of the legacy cell's active key with the certificates under [[trust]], each under the "
    "entity_id of its own issuer; if the assertion is encrypted, the certificate under [[encrypt]] with the encryption_keys of "
    "[[org]].",
    judge=signature.check_signature,
)
ISSUER: Check[Arrived, None] = Check(
    number=8,
    title="Issuer trusted",
    refusals=(errors.HandoffIssuer,),
    source="SAML profiles 4.1.4.2",
    hint="[[trust]] entity_id must be the legacy cell's [saml] entity_id, letter by letter.",
    judge=conditions.check_issuer,
)
DESTINATION: Check[Arrived, None] = Check(
    number=9,
    title="Destination is this endpoint",
    refusals=(errors.HandoffDestination,),
    source="SAML bindings 3.5.5.2",
    hint="Both cells must have the public_url that browsers see, whatever a proxy makes of the host, and the same acs_path; "
    "the topology must have the right cell for the organization.",
    judge=conditions.check_destination,
)
AUDIENCE: Check[Arrived, None] = Check(
    number=10,
    title="Audience is this organization",
    refusals=(errors.HandoffAudience,),
    source="SAML core 2.5.1.4, profiles 4.1.4.2",
    hint="The audience is the organization's metadata URL: compare public_url on both cells, and path and sp_entity_id in the "
    "directory.",
    judge=conditions.check_audience,
)
CONFIRMATION: Check[Arrived, None] = Check(
    number=11,
    title="Bearer confirmation for this endpoint, unsolicited",
    refusals=(errors.HandoffRecipient, errors.HandoffSolicited),
    source="SAML profiles 4.1.4.3, 4.1.5",
    hint="Recipient must be this endpoint's URL; an answer to a request (InResponseTo) does not belong here.",
    judge=conditions.check_confirmation,
)
TIME: Check[Arrived, Window] = Check(
    number=12,
    title="Valid now, and not for long",
    refusals=(errors.HandoffExpired, errors.HandoffNotYetValid, errors.HandoffLifetime),
    source="SAML core 1.3.3, 2.5.1.2, profiles 4.1.4.3",
    hint="Compare the clocks of both cells; a document older than its lifetime must be made again by signing in again.",
    judge=conditions.check_time,
)
CONTRACT: Check[Stated, None] = Check(
    number=13,
    title="Contract version known",
    refusals=(errors.HandoffContract,),
    source="cellbridge/1",
    hint="Bring both cells to versions that speak the same contract; a foreign issuer needs [[trust]] attributes.",
    judge=claims.check_contract,
)
ATTRIBUTES: Check[Stated, Claims] = Check(
    number=14,
    title="Each attribute once, in its form",
    refusals=(errors.HandoffAttribute,),
    source="cellbridge/1; SAML core 2.7.3",
    hint="The sender must write each attribute of the contract once, with one value, unfolded and untrimmed.",
    judge=claims.read_claims,
)
ORGANIZATION: Check[Claimed, None] = Check(
    number=15,
    title="Organization is the endpoint's",
    refusals=(errors.HandoffOrg,),
    source="cellbridge/1",
    hint="The topology and [[org]] must agree on the organization's id and path.",
    judge=claims.check_org,
)
BINDING: Check[Claimed, None] = Check(
    number=16,
    title="Posted by the browser that started",
    refusals=(errors.HandoffUnbound,),
    source="cellbridge/1; RFC 9700 4.7 (login CSRF)",
    hint="Start at the sign-in page in this browser, with cookies allowed. A cell on another site needs binding confirm.",
    judge=claims.check_binding,
)
SECOND_OPINION: Check[Asked, None] = Check(
    number=17,
    title="python3-saml agrees",
    refusals=(errors.HandoffDisagreement,),
    source="cellbridge/1: two implementations must agree",
    hint="Keep the document and report it: one of the two implementations is wrong about it.",
    judge=ask_second_opinion,
)
UNSPENT: Check[Any, None] = Check(
    number=18,
    title="Not spent before",
    refusals=(errors.HandoffReplayed,),
    source="SAML profiles 4.1.4.5",
    hint="A handoff is used once. Start again from the sign-in page.",
    judge=_by_the_store,
)

SHAPE = (ROOT, SCHEMA, STATUS, ASSERTION_COUNT)
ADDRESS = (ISSUER, DESTINATION, AUDIENCE, CONFIRMATION)
CHECKS: tuple[Check[Any, Any], ...] = (
    FORM,
    XML,
    *SHAPE,
    SIGNATURE,
    *ADDRESS,
    TIME,
    CONTRACT,
    ATTRIBUTES,
    ORGANIZATION,
    BINDING,
    SECOND_OPINION,
    UNSPENT,
)
