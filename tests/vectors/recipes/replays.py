"""Documents whose assertion was posted before."""

import base64
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from tests.saml.forge import put
from tests.vectors.recipes.case import Case
from tests.vectors.world import World


def _again(name: str, because: str, build: Any, *, signed: str = "response", body: str = "xml") -> Case:
    """Return the case of a document whose assertion was posted before, in the honest vector for what is *signed*."""
    replays = {"response": "indented", "assertion": "assertion-signed"}[signed]
    return Case(name=name, because=because, build=build, threat=36, expect="handoff.replayed", check=18, replays=replays,
                signed=signed, body=body)  # type: ignore[arg-type]  # fmt: skip


def _new_envelope(world: World) -> bytes:
    """Return the signed assertion in a new Response with another ID, which nobody has to sign."""
    return world.spoiled(put("/p:Response", "ID", "_another"))


def _wrapped_base64(world: World) -> bytes:
    return urlencode({"SAMLResponse": base64.encodebytes(world.signed()).decode()}).encode()


_REPLAYS = [
    _again("replay", "The same bytes again.", lambda world: world.signed()),
    _again(
        "replay-other-spelling",
        "The same document in another spelling.",
        lambda world: world.respelled((">Dana Hill<", "><![CDATA[Dana Hill]]><")),
    ),
    _again(
        "replay-canonical-form",
        "The same document in canonical form.",
        lambda world: etree.tostring(etree.fromstring(world.signed()), method="c14n"),
    ),
    _again("replay-other-base64", "The same document in base64 of other lines.", _wrapped_base64, body="form"),
    _again("replay-new-envelope", "The same signed assertion in a new envelope.", _new_envelope, signed="assertion"),
    _again(
        "replay-signed-again",
        "The same assertion, in a Response that the issuer signed anew.",
        lambda world: world.signed(put("/p:Response", "ID", "_another")),
    ),
]

CASES = [*_REPLAYS]
