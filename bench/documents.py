"""What mint, verify and inspect cost, against what physics allows and against what others pay.

The law: the validate floor is the least that any verifier must do with one document: base64, one parse, canonical bytes of
SignedInfo and of the signed element, SHA-256, one RSA verification.
"""

import base64
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree

from bench.largest import largest
from bench.peers import peers
from bench.rounds import Turn, medians, turns_of
from bench.setting import Setting, judge
from bridge.inspect.inspection import inspect
from bridge.inspect.source import Source
from bridge.saml.render import render
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.sign import sign
from tests.interop.setting import Issuer

_PKCS1, _SHA256 = padding.PKCS1v15(), hashes.SHA256()


def run() -> dict[str, float]:
    """Measure, print a table, and return the figures under the names of the performance budgets."""
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Issuer(Path(folder)))
        with peers(setting) as others:
            seconds = medians({**_ours(setting), **others})
        hardest = medians(largest(setting), rounds=5)
    verify, floor = seconds["verify"], seconds["validate floor"]
    figures = {
        "mint_over_rsa_sign": seconds["mint"] / seconds["RSA-2048 sign"],
        "verify_over_floor": verify / floor,
        "verify_with_second_opinion_over_floor": seconds["verify with second opinion"] / floor,
        "inspect_over_verify": seconds["inspect"] / verify,
        "largest_document_ms": max(hardest.values()) * 1000,
    }
    for peer in ("python3-saml", "pysaml2", "node-saml"):
        if f"{peer} mint" in seconds:
            theirs = seconds[f"{peer} mint"] + seconds[f"{peer} verify"]
            figures[f"handoff_vs_{peer.replace('-', '_')}"] = theirs / (seconds["mint"] + verify)
    print(f"documents: {len(base64.b64decode(setting.fifty[0]))} bytes of XML, RSA-2048/SHA-256; medians of CPU time")
    for name, value in {**seconds, **hardest}.items():
        print(f"  {name:40}{value * 1e6:12.1f} us")
    return figures


def _ours(setting: Setting) -> dict[str, Turn]:
    alone, with_second_opinion = setting.question(None), setting.question(SecondOpinion())

    def source() -> Source:
        return Source("posted", (("SAMLResponse", next(setting.forms)),), None)

    work: dict[str, Callable[[], object]] = {
        "RSA-2048 sign": _bare_signature(setting),
        "mint": lambda: sign(render(next(setting.handoffs)), setting.issuer.key),
        "validate floor": _floor(setting),
        "verify": lambda: judge(next(setting.forms), alone),
        "verify with second opinion": lambda: judge(next(setting.forms), with_second_opinion),
        "inspect": lambda: inspect(source(), alone, ask_binding=True),
    }
    return {name: turns_of(call) for name, call in work.items()}


def _bare_signature(setting: Setting) -> Callable[[], object]:
    private_key, message = setting.issuer.key.private_key, b"m" * 1000
    assert isinstance(private_key, RSAPrivateKey)
    return lambda: private_key.sign(message, _PKCS1, _SHA256)


def _floor(setting: Setting) -> Callable[[], object]:
    public_key = setting.issuer.key.certificate.public_key()
    assert isinstance(public_key, RSAPublicKey)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)

    def floor() -> None:
        tree = etree.fromstring(base64.b64decode(next(setting.forms)), parser)
        value = base64.b64decode(tree[1][1].text or "")
        signed_info = etree.tostring(tree[1][0], method="c14n", exclusive=True)
        tree.remove(tree[1])
        hashlib.sha256(etree.tostring(tree, method="c14n", exclusive=True)).digest()
        public_key.verify(value, signed_info, _PKCS1, _SHA256)

    return floor
