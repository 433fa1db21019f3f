"""One entry of the corpus: what is made, what must happen, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from bridge.saml.checks import CHECKS
from bridge.saml.trust import Signed
from tests.vectors.vector import ACCEPTED, Body, Vector
from tests.vectors.world import AT, SECRET, World

Build = Callable[[World], bytes]
_NUMBERS = {
    **{refusal.code: check.number for check in reversed(CHECKS) for refusal in check.refusals},
    "handoff.malformed": 2,
    "handoff.schema": 4,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a vector is made. `mark` is a piece of text of the document: where no node is named, the refusal names its last line;
    `line` tells the line outright, where a form hides the document.

    `check` is told only where a code belongs to several checks, and is 0 where the account rules refuse.
    """

    name: str
    because: str
    build: Build
    threat: int = 0
    expect: str = ACCEPTED
    check: int | None = None
    node: str = ""
    mark: bytes = b""
    line: int | None = None
    org: str = "acme"
    signed: Signed = "response"
    issuer: str = ""
    binding: str | None = SECRET
    replays: str = ""
    body: Body = "xml"

    def vector(self, *, now: datetime = AT, salt: str = "") -> Vector:
        """Return the vector of this case, to be judged at *now*."""
        raw = self.build(World(self.replays or self.name, self.signed, now, salt, self.issuer))
        check = self.check if self.check is not None else _NUMBERS.get(self.expect)
        return Vector(
            expect=self.expect,
            check=check,
            threat=self.threat,
            because=self.because,
            node=self.node,
            line=self._line(raw),
            at=now,
            org=self.org,
            signed=self.signed,
            issuer=self.issuer,
            binding=self.binding,
            replays=self.replays,
            body=self.body,
            raw=raw,
        )

    def _line(self, raw: bytes) -> int | None:
        if self.line is not None:
            return self.line
        if self.mark:
            return raw.count(b"\n", 0, raw.rindex(self.mark)) + 1
        if not self.node:
            return None
        steps = "/".join(
            f"*[local-name()='{name}']{f'[{number}' if number else ''}"
            for name, _bracket, number in (step.partition("[") for step in self.node.split("/"))
        )
        found = etree.fromstring(raw).xpath(f"/{steps}")
        assert isinstance(found, list)
        if not found:  # the place of what is missing
            return None
        (element,) = found if "[" in self.node else found[:1]
        assert isinstance(element, etree._Element)  # noqa: SLF001 - the type that lxml does not export
        line = element.sourceline
        assert isinstance(line, int)
        return line
