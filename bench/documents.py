"""What mint and verify cost, against what physics allows: a bare signature, and the validate floor.

The law: the floor is the least that any verifier must do with one document: base64, one parse, canonical bytes of SignedInfo
and of the signed element, SHA-256, one RSA verification.
"""

import base64
import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from bench.rounds import medians
from bridge.handoff import Handoff, ReturnPath, binding_of
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.keys import KeyRing, SigningKey, create_key
from bridge.saml.render import render
from bridge.saml.second_opinion import SecondOpinion, request_data_of, settings_of
from bridge.saml.sign import sign
from bridge.saml.verify import Endpoint, TrustedIssuer, VerifiedHandoff, read_response, verify
from bridge.urls import org_route

ISSUER = "https://cells.example/saml/metadata"
ROUTE = org_route(public_url="https://cells.example", org_id=42, org_path="acme", cell_id=2)
ENDPOINT = Endpoint(org_id=42, org_path="acme", acs_url=ROUTE.acs_url, sp_entity_id=ROUTE.sp_entity_id, binding="bound")
SECRET = "a browser's secret"


def example_handoff(now: datetime) -> Handoff:
    """Return a handoff with every attribute of the contract, issued at *now* (aware, UTC)."""
    return Handoff.issue(
        issuer=ISSUER,
        identity=ExternalIdentity(
            key=IdentityKey("google_oauth2", "108204268033311374519"),
            email=Email("dana.hill@acme.example"),
            evidence=EmailEvidence(verified=True, rule="google.email_verified"),
            name="Dana Hill",
            username="dana.hill",
        ),
        route=ROUTE,
        return_to=ReturnPath("/o/acme/projects/7?tab=2"),
        binding=binding_of(SECRET),
        reference="7KQ2M-4XD9R",
        lifetime=timedelta(seconds=300),
        now=now,
        random_bytes=os.urandom,
    )


def run() -> dict[str, float]:
    """Measure, print a table, and return the ratios under the names of the performance budgets."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as directory:
        create_key(Path(directory), now=now)
        key = KeyRing.load(Path(directory)).active
    trusted = TrustedIssuer(ISSUER, (key.certificate,), timedelta(seconds=30), timedelta(seconds=300), "response")
    # Every turn meets another document, issued at another second: nothing that is remembered of one helps with the next.
    handoffs = [example_handoff(now - timedelta(seconds=age)) for age in range(50)]
    forms = itertools.cycle([sign(render(one), key).base64 for one in handoffs])
    to_mint = itertools.cycle(handoffs)
    opinion = SecondOpinion()

    def judge(second_opinion: SecondOpinion | None) -> VerifiedHandoff:
        return verify(
            read_response([("SAMLResponse", next(forms))]),
            trust={ISSUER: trusted},
            endpoint=ENDPOINT,
            now=now,
            binding_secret=SECRET,
            second_opinion=second_opinion,
        )

    seconds = medians(
        {
            "RSA-2048 sign": _bare_signature(key),
            "mint": lambda: sign(render(next(to_mint)), key),
            "validate floor": _floor(forms, key),
            "verify": lambda: judge(None),
            "verify with second opinion": lambda: judge(opinion),
            "python3-saml mint": _stock_mint(to_mint, key),
            "python3-saml validate": _stock_validate(forms, trusted),
        }
    )
    ratios = {
        "mint_over_rsa_sign": seconds["mint"] / seconds["RSA-2048 sign"],
        "verify_over_floor": seconds["verify"] / seconds["validate floor"],
        "verify_with_second_opinion_over_floor": seconds["verify with second opinion"] / seconds["validate floor"],
        "handoff_vs_python3_saml": (seconds["python3-saml mint"] + seconds["python3-saml validate"])
        / (seconds["mint"] + seconds["verify"]),
    }
    print(f"documents: {len(base64.b64decode(next(forms)))} bytes of XML, RSA-2048/SHA-256")
    for name, value in seconds.items():
        print(f"  {name:32}{value * 1e6:10.1f} us")
    return ratios


def _bare_signature(key: SigningKey) -> Callable[[], object]:
    private_key = key.private_key
    assert isinstance(private_key, RSAPrivateKey)
    pkcs1, sha256, message = padding.PKCS1v15(), hashes.SHA256(), b"m" * 1000
    return lambda: private_key.sign(message, pkcs1, sha256)


def _floor(forms: Iterator[str], key: SigningKey) -> Callable[[], object]:
    public_key = key.certificate.public_key()
    assert isinstance(public_key, RSAPublicKey)
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)

    def floor() -> None:
        tree = etree.fromstring(base64.b64decode(next(forms)), parser)
        value = base64.b64decode(tree[1][1].text or "")
        signed_info = etree.tostring(tree[1][0], method="c14n", exclusive=True)
        tree.remove(tree[1])
        hashlib.sha256(etree.tostring(tree, method="c14n", exclusive=True)).digest()
        public_key.verify(value, signed_info, pkcs1, sha256)

    return floor


def _stock_mint(handoffs: Iterator[Handoff], key: SigningKey) -> Callable[[], object]:
    secret = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    certificate = key.certificate.public_bytes(Encoding.PEM).decode("ascii")
    return lambda: base64.b64encode(OneLogin_Saml2_Utils.add_sign(render(next(handoffs)).xml, secret, certificate))


def _stock_validate(forms: Iterator[str], trusted: TrustedIssuer) -> Callable[[], object]:
    settings = OneLogin_Saml2_Settings(settings_of(trusted, ENDPOINT))
    request = request_data_of(ENDPOINT)

    def validate() -> None:
        assert OneLogin_Saml2_Response(settings, next(forms)).is_valid(request)

    return validate
