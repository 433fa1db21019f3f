"""Checks 13 to 16: what the handoff says, and whether it belongs to this organization and this browser.

The law: a claim is read from the signed tree by its exact Name, and no value falls back to another.
"""

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from lxml import etree

from bridge import contract
from bridge.contract import Claims
from bridge.errors import HandoffAttribute, HandoffContract, HandoffOrg, HandoffUnbound
from bridge.handoff import binding_of
from bridge.identity import MalformedValue
from bridge.saml import foreign, names
from bridge.saml.conditions import Arrived
from bridge.saml.signature import SignedHandoff
from bridge.saml.trust import Endpoint
from bridge.saml.xml import only, path_of, text_of

_STATEMENT = "Response/Assertion/AttributeStatement"


class Stated(NamedTuple):
    """A signed handoff with its attributes: name -> the elements that hold its values, known or not."""

    signed: SignedHandoff
    endpoint: Endpoint
    values: Mapping[str, list[etree._Element]]

    @classmethod
    def by(cls, arrived: Arrived) -> "Stated":
        """Return what *arrived* states, gathered by the exact Name of each Attribute.

        An Attribute without a value counts as one empty value: beside another one of its Name it is a second, and refused.
        """
        values: dict[str, list[etree._Element]] = {}
        for statement in arrived.signed.assertion.iterchildren(names.ATTRIBUTE_STATEMENT):
            for attribute in statement.iterchildren(names.ATTRIBUTE):
                values.setdefault(attribute.get("Name", ""), []).extend(list(attribute) or [attribute])
        return cls(signed=arrived.signed, endpoint=arrived.endpoint, values=values)


class Claimed(NamedTuple):
    """The claims of a signed handoff, and who posts it where. `binding_secret` is the browser's cookie, None without one."""

    claims: Claims
    endpoint: Endpoint
    binding_secret: str | None


def check_contract(stated: Stated) -> None:
    """Check 13: the attribute `contract` stands once and names the version that we speak. Raises `HandoffContract`.

    A foreign issuer, whose attributes are mapped, states none: a legacy cell that was mapped by mistake would lose its binding.
    """
    found = stated.values.get("contract", [])
    if stated.signed.signer.attribute_map is not None:
        if "contract" in stated.values:
            expected = "no contract, as [[trust]] maps this issuer's attributes"
            raise HandoffContract(expected=expected, received=f"{len(found)} values", node=_STATEMENT)
        return
    if len(found) != 1:
        raise HandoffContract(expected=contract.CONTRACT, received=f"{len(found)} values", node=_STATEMENT)
    received = text_of(found[0], HandoffContract)
    if received != contract.CONTRACT:
        raise HandoffContract(expected=contract.CONTRACT, received=received, node=path_of(found[0]))


def read_claims(stated: Stated) -> Claims:
    """Check 14: each required attribute exactly once, each value in its form; returns the claims. Raises `HandoffAttribute`."""
    values, signed = stated.values, stated.signed
    attribute_map = signed.signer.attribute_map
    only(signed.assertion, names.ATTRIBUTE_STATEMENT, HandoffAttribute)
    name_id = _name_id(stated)
    if attribute_map is None:
        known = {name: values[name] for name in contract.KNOWN if name in values}
    else:
        known = foreign.sources(values, attribute_map=attribute_map, name_id=name_id)
    texts = {name: [text_of(element, HandoffAttribute) for element in found] for name, found in known.items()}
    try:
        if attribute_map is None:
            claims = contract.from_attributes(texts)
        else:
            claims = foreign.claims_of(texts, attribute_map=attribute_map, signed=signed, endpoint=stated.endpoint)
    except MalformedValue as error:
        node = path_of(known[error.field][-1]) if known.get(error.field) else _STATEMENT
        raise HandoffAttribute(expected=f"a well-formed {error.field}", received=error.reason, node=node) from error
    if attribute_map is None:
        _check_second_email(name_id, claims)
        _check_provider(stated, claims)
    else:
        foreign.check_name_id(name_id, attribute_map=attribute_map, issuer=signed.signer.entity_id)
    return claims


def _name_id(stated: Stated) -> etree._Element:
    subject = only(stated.signed.assertion, names.SUBJECT, HandoffAttribute)
    name_id = only(subject, names.NAME_ID, HandoffAttribute)
    audience = stated.endpoint.sp_entity_id
    if name_id.get("SPNameQualifier", audience) != audience:
        received = name_id.get("SPNameQualifier", "")
        raise HandoffAttribute(expected=f"SPNameQualifier {audience}", received=received, node=path_of(name_id))
    if not text_of(name_id, HandoffAttribute):
        raise HandoffAttribute(expected="a NameID", received="an empty one", node=path_of(name_id))
    return name_id


def _check_second_email(name_id: etree._Element, claims: Claims) -> None:
    # Two sources for one address: whoever reads the other one would sign in somebody else.
    email = claims.identity.email
    if name_id.get("Format") == names.EMAIL_ADDRESS and (email is None or name_id.text != email.address):
        raise HandoffAttribute(expected="a NameID equal to the email", received="another address", node=path_of(name_id))


def _check_provider(stated: Stated, claims: Claims) -> None:
    # One legacy cell that was taken over must not speak for the people of every other issuer.
    provider = claims.identity.key.provider
    if not stated.signed.signer.may_assert(provider):
        node = path_of(stated.values["provider"][0])
        raise HandoffAttribute(expected="a provider that [[trust]] lets this issuer assert", received=provider, node=node)


def check_org(claimed: Claimed) -> None:
    """Check 15: the handoff names the endpoint's organization, by id and by path. Raises `HandoffOrg`."""
    endpoint = claimed.endpoint
    expected, received = (endpoint.org_id, endpoint.org_path), (claimed.claims.org_id, claimed.claims.org_path)
    if received != expected:
        raise HandoffOrg(expected="{} {}".format(*expected), received="{} {}".format(*received), node=_STATEMENT)


def check_binding(claimed: Claimed) -> None:
    """Check 16: the browser that posts holds the secret of the browser that started. Raises `HandoffUnbound`.

    Without this, anybody can sign a victim's browser in to their own account (login CSRF), or use a stolen response. Where the
    endpoint says `confirm`, a handoff without the secret passes as to be confirmed: the endpoint has to ask the person.
    """
    if claimed.endpoint.binding == "unsafe_unbound" or is_to_be_confirmed(claimed):
        return
    if claimed.claims.binding is None:
        raise HandoffUnbound(expected="a handoff bound to a browser", received="one of a foreign issuer", node=_STATEMENT)
    if claimed.binding_secret is None:
        raise HandoffUnbound(expected="the cookie of the browser that started", received="no cookie", node=_STATEMENT)
    if not _matches(claimed.binding_secret, claimed.claims.binding):
        raise HandoffUnbound(expected="the cookie of the browser that started", received="another cookie", node=_STATEMENT)


def is_to_be_confirmed(claimed: Claimed) -> bool:
    """Whether nothing binds the handoff to the browser that posts it, and the endpoint asks the person instead."""
    secret = claimed.binding_secret
    return claimed.endpoint.binding == "confirm" and not (secret is not None and _matches(secret, claimed.claims.binding))


def _matches(secret: str, binding: str | None) -> bool:
    if binding is None:
        return False
    try:
        return hmac.compare_digest(binding_of(secret), binding)
    except UnicodeEncodeError:  # a cookie of bytes that are no text
        return False
