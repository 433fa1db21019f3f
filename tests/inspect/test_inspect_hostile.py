"""Hostile input to the inspector: it crashes on nothing, hangs on nothing, and reaches for nothing outside itself."""

import json
import subprocess
import sys
import zlib
from base64 import b64encode
from pathlib import Path

import pytest

from bridge.inspect.report import Report, as_json
from bridge.inspect.text import lines_of
from bridge.saml.xml import MAX_XML_BYTES
from tests.inspect.judged import by_itself, vector
from tests.vectors.generate import CASES

ROOT = Path(__file__).parents[2]


def test_the_whole_corpus_reaches_for_no_file_no_network_and_no_process() -> None:
    """What documents name (files, addresses, stylesheets, schemas, entities) is never opened, and nothing depends on it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.inspect.guarded"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"reached": [], "wrong": [], "judged": len(CASES)}


BOMBS = {
    "entities": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 10_000 + b'">]><a>' + b"&b;" * 10_000 + b"</a>",
    "deep": b"<a>" * 50_000,
    "wide": b"<a>" + b"<b/>" * 30_000 + b"</a>",
    "attributes": b"<a " + b" ".join(b'a%d="x"' % number for number in range(9_000)) + b"/>",
    "namespaces": b"<a " + b" ".join(b'xmlns:a%d="x"' % number for number in range(5_000)) + b"/>",
    "one long attribute": b'<a b="' + b"x" * 140_000 + b'"/>',
    "quotes": b"<a>" + b"'\"" * 70_000,
    "open tags": b"<" * 140_000,
    "character data": b"<a>" + b"<![CDATA[" * 15_000,
    "a large document": b"<a>" + b"x\n" * 10_000_000 + b"</a>",
    "zero bytes": b"<a>" + b"\0" * 100_000,
    "random bytes": bytes(range(256)) * 400,
    "utf-16": "<a/>".encode("utf-16"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_moment(name: str) -> None:
    """Whatever it is, there is a verdict, as JSON and as text, and the text is short."""
    report = Report("bomb", by_itself(BOMBS[name]))
    assert report.verdict == "refused"
    assert json.loads(as_json(report))["code"].startswith("handoff.")
    lines = [line.text for line in lines_of(report)]
    assert sum(len(line) for line in lines) < 2 * MAX_XML_BYTES
    assert all(character.isprintable() for line in lines for character in line)


def test_what_inflates_without_end_is_not_inflated() -> None:
    """A small text that holds a large one is read up to the cap."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"<a>" + b" " * 100_000_000) + packer.flush()
    found = by_itself(packed)
    assert (found.document, found.raw_xml) == (None, packed)
    assert len(b64encode(packed)) < 200_000


@pytest.mark.parametrize("name", [case.name for case in CASES[::7]])
def test_any_damage_ends_in_a_verdict(name: str) -> None:
    """Cut short, doubled, or with a byte changed: never a stack trace."""
    raw = vector(name).raw
    for damaged in (raw[: len(raw) // 2], raw + raw, raw[:100] + b"\xff" + raw[101:], raw.replace(b">", b"", 1), raw[::-1]):
        report = Report("damaged", by_itself(damaged))
        assert report.verdict == "refused"
        assert list(lines_of(report))
        assert as_json(report)
