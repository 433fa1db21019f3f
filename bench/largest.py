"""The hardest document that passes the gate: the largest allowed, the deepest, with as many elements or attributes as may be.

The law: it is signed by a trusted key, so that every check has to work on all of it; nobody else gets that far.
"""

import base64

from bench.rounds import Turn, turns_of
from bench.setting import Setting, judge
from bridge.errors import HandoffError
from bridge.saml import names
from bridge.saml.render import render
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.sign import sign
from bridge.saml.xml import MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES, MAX_XML_BYTES

_CODE = f'<samlp:StatusCode Value="{names.SUCCESS}">'
# In canonical form: the namespace is declared where it is first used.
_UNKNOWN = (
    f'<saml:Attribute FriendlyName="f" Name="urn:%d" NameFormat="{names.BASIC}">'
    f'<saml:AttributeValue xmlns:xsi="{names.XSI}" xsi:nil="false">%s</saml:AttributeValue></saml:Attribute>'
)
_END = "</saml:AttributeStatement></saml:Assertion>"
_SPARE_BYTES = 64


def largest_document(setting: Setting) -> bytes:
    """Return a signed handoff that is accepted, of nearly `MAX_XML_BYTES` and of `MAX_DEPTH` levels, full of attributes."""
    rendered = render(next(setting.handoffs))
    levels = MAX_DEPTH - len(("Response", "Status"))
    rendered = rendered._replace(status=f"<samlp:Status>{_CODE * levels}{'</samlp:StatusCode>' * levels}</samlp:Status>")

    def signed(values: list[str]) -> bytes:
        unknown = "".join([_UNKNOWN % (number, value) for number, value in enumerate(values)])
        rest = rendered.assertion_rest.replace(_END, f"{unknown}{_END}")
        return sign(rendered._replace(assertion_rest=rest), setting.issuer.key).xml

    few, more = signed([]), signed([""])
    caps = ((b"<", 2 * MAX_ELEMENTS), (b"=", MAX_ATTRIBUTES), (b"xmlns", MAX_NAMESPACES))
    # One is held back, for a "=" in the base64 of the signature and for what a stray element costs.
    most = min((cap - few.count(sign_)) // (more.count(sign_) - few.count(sign_)) for sign_, cap in caps) - 1
    room = MAX_XML_BYTES - _SPARE_BYTES - len(signed([""] * most))
    return signed([*[""] * (most - 1), "v" * room])


def largest(setting: Setting) -> dict[str, Turn]:
    """Return what it takes to accept the hardest document, and to refuse it changed or with an element of no profile."""
    document, question = largest_document(setting), setting.question(SecondOpinion())
    stray = b"</saml:AttributeStatement><saml:Advice></saml:Advice></saml:Assertion>"
    documents = {
        "largest document, accepted": (document, ""),
        "largest document, changed": (document.replace(b">vv", b">vw"), "handoff.signature"),
        "largest document, with a stray element": (document.replace(_END.encode(), stray), "handoff.schema"),
    }

    def turn(raw: bytes, code: str) -> Turn:
        form = base64.b64encode(raw).decode("ascii")

        def judged() -> None:
            received = ""
            try:
                judge(form, question)
            except HandoffError as refusal:
                received = refusal.code
            assert received == code

        return turns_of(judged)

    return {name: turn(raw, code) for name, (raw, code) in documents.items()}
