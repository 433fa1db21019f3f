"""The file format of a vector: a header of `key: value` lines, an empty line, then what is posted.

The law: a header says all that is needed to judge and to explain. A key that is unknown or missing and a value that is not
allowed are errors, so that no file can pass by being misread.
"""

import base64
import bz2
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import parse_qsl, urlencode

from bridge.handoff import check_org_path
from bridge.saml.checks import CHECKS, FORM, UNSPENT, XML
from bridge.saml.trust import Signed
from tests.vectors.classes import CLASSES
from tests.vectors.issuers import OTHERS

ACCEPTED = "accepted"
Body = Literal["xml", "base64", "bzip2", "form", "form-bzip2"]
Form = tuple[tuple[str, str], ...]
_REQUIRED = ("expect", "class", "because", "at", "org", "signed", "body")
_OPTIONAL = ("check", "node", "line", "issuer", "binding", "replays")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_CODES = {refusal.code: check.number for check in reversed(CHECKS) for refusal in check.refusals}
# Refused by the account rules, after every check of the document has accepted.
_BY_THE_ACCOUNT_RULES = ("provider.disabled", "account.identity_conflict", "account.not_bound", "account.email_unverified")


class NotAVector(ValueError):
    """Raised if a file is no vector; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One document with the verdict that it must get.

    `expect` is `accepted` or the exact code; `check` the number of the check that refuses, 0 where the account rules do, None
    where nothing does; `node` and `line` say where the refusal points, empty and None where it points nowhere. `threat` is
    the number of the class of attack in `CLASSES`, 0 for an honest document. It is judged `at` a time, by the endpoint of
    `org`, for an issuer whose trust wants `signed` to carry the signature (the one called `issuer`, where that is not empty),
    from a browser with the cookie `binding` (None: without). `replays` names the vector that was posted before. `raw` is the
    XML, or the whole body of the form.
    """

    expect: str
    check: int | None
    threat: int
    because: str
    node: str
    line: int | None
    at: datetime
    org: str
    signed: Signed
    issuer: str
    binding: str | None
    replays: str
    body: Body
    raw: bytes

    def __post_init__(self) -> None:
        if self.expect == ACCEPTED:
            _demand(self.check is None and not self.node and self.line is None, "what is accepted points nowhere")
            _demand(self.threat == 0, "what is accepted is no attack")
        elif self.expect in _BY_THE_ACCOUNT_RULES:
            _demand(self.check == 0, "the account rules are check 0")
        else:
            _demand(self.expect in _CODES, f"expect {self.expect} is no code of a handoff")
            check = next((check for check in CHECKS if check.number == self.check), None)
            _demand(check is not None and self.expect in [each.code for each in check.refusals], "check and expect do not fit")
        _demand(self.threat in (*CLASSES, 0), f"class {self.threat} is unknown")
        _demand(self.signed in get_args(Signed), f"signed {self.signed} is unknown")
        _demand(self.issuer in (*OTHERS, ""), f"issuer {self.issuer} is unknown")
        _demand(self.body in get_args(Body), f"body {self.body} is unknown")
        _demand(bool(self.because) and self.because[-1] == "." and "\n" not in self.because, "because is one sentence")
        _demand(bool(self.replays) == (self.check == UNSPENT.number), "replays goes with the last check")
        _demand(self.line is None or self.line > 0, "lines begin with 1")
        _demand(not self.node or self.check not in (FORM.number, XML.number), "what is not read has no nodes")
        check_org_path(self.org)

    @property
    def is_form(self) -> bool:
        """Whether `raw` is the body of a form, and not a document."""
        return self.body in ("form", "form-bzip2")

    @property
    def form(self) -> Form:
        """The fields that the browser posts, in order."""
        if self.is_form:
            return tuple(parse_qsl(self.raw.decode("utf-8"), keep_blank_values=True))
        return (("SAMLResponse", base64.b64encode(self.raw).decode("ascii")),)

    @property
    def posted(self) -> bytes:
        """The body of the request, urlencoded."""
        return self.raw if self.is_form else urlencode(self.form).encode("ascii")

    def encode(self) -> bytes:
        """Return the file."""
        header = {
            "expect": self.expect,
            "check": "" if self.check is None else str(self.check),
            "class": f"{self.threat} {CLASSES[self.threat]}" if self.threat else "honest",
            "because": self.because,
            "node": self.node,
            "line": "" if self.line is None else str(self.line),
            "at": self.at.strftime(_TIME),
            "org": self.org,
            "signed": self.signed,
            "issuer": self.issuer,
            "binding": self.binding or "",
            "replays": self.replays,
            "body": self.body,
        }
        lines = "".join(f"{key}: {value}\n" for key, value in header.items() if value)
        return lines.encode("utf-8") + b"\n" + _packed(self.raw, self.body)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Return the vector in a file's *content*; raises `NotAVector`."""
        head, empty_line, packed = content.partition(b"\n\n")
        _demand(bool(empty_line), "there is no empty line after the header")
        header: dict[str, str] = {}
        for line in head.decode("utf-8").split("\n"):
            key, colon, value = line.partition(": ")
            _demand(bool(colon) and bool(value), f"{line!r} is not key: value")
            _demand(key in (*_REQUIRED, *_OPTIONAL), f"{key} is no key of a header")
            _demand(key not in header, f"{key} stands twice")
            header[key] = value
        missing = [key for key in _REQUIRED if key not in header]
        _demand(not missing, f"{', '.join(missing)} is missing")
        number, _space, title = header["class"].partition(" ")
        honest = header["class"] == "honest"
        _demand(honest or CLASSES.get(_number(number)) == title, f"class {header['class']} is unknown")
        body: Body = header["body"]  # type: ignore[assignment]  # judged by __post_init__
        signed: Signed = header["signed"]  # type: ignore[assignment]
        try:
            at = datetime.strptime(header["at"], _TIME).replace(tzinfo=UTC)
            raw = _unpacked(packed, body)
            return cls(
                expect=header["expect"],
                check=_number(header["check"]) if "check" in header else None,
                threat=0 if honest else _number(number),
                because=header["because"],
                node=header.get("node", ""),
                line=_number(header["line"]) if "line" in header else None,
                at=at,
                org=header["org"],
                signed=signed,
                issuer=header.get("issuer", ""),
                binding=header.get("binding"),
                replays=header.get("replays", ""),
                body=body,
                raw=raw,
            )
        except (ValueError, OSError) as error:
            raise NotAVector(str(error)) from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the vector in the file at *path*; raises `NotAVector`."""
        try:
            return cls.decode(path.read_bytes())
        except NotAVector as error:
            raise NotAVector(f"{path.name}: {error}") from error


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NotAVector(otherwise)


def _number(text: str) -> int:
    _demand(text.isascii() and text.isdigit(), f"{text!r} is no number")
    return int(text)


def _packed(raw: bytes, body: Body) -> bytes:
    """Return *raw* as it stands in the file: as it is, or in lines of base64 where it is no text or too long to look at."""
    if body in ("xml", "form"):
        return raw
    return base64.encodebytes(bz2.compress(raw) if body.endswith("bzip2") else raw)


def _unpacked(packed: bytes, body: Body) -> bytes:
    if body in ("xml", "form"):
        return packed
    raw = base64.b64decode(packed.replace(b"\n", b""), validate=True)
    return bz2.decompress(raw) if body.endswith("bzip2") else raw
