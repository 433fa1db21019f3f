"""What people have in hand, and the documents in it."""

import base64
import json
import time
import zlib
from urllib.parse import quote, urlencode

import pytest

from bridge.inspect.inspection import inspect
from bridge.inspect.source import MAX_SOURCE_BYTES, Unreadable, read_sources
from tests.inspect.judged import by_itself, vector
from tests.vectors.judges import Bench
from tests.vectors.world import World

XML = vector("as-minted").raw
VALUE = base64.b64encode(XML).decode()
BODY = urlencode({"SAMLResponse": VALUE, "RelayState": "/o/acme/?a=b"})
WRAPPED = "\n    ".join(BODY[at : at + 90] for at in range(0, len(BODY), 90))
CARETS = BODY.replace("%", "^%").replace("&", "^&")


def har(*requests: object) -> str:
    """Return a HAR file of these requests."""
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": each} for each in requests]}})


SHAPES = {
    "XML": XML.decode(),
    "XML with a declaration after white space": '\n  <?xml version="1.0" encoding="UTF-8"?>\n' + XML.decode() + "\n",
    "XML as a page shows it": XML.decode().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "base64": VALUE,
    "base64 in lines": "\r\n".join(VALUE[at : at + 76] for at in range(0, len(VALUE), 76)),
    "base64 indented": "\n\t " + "\n\t ".join(VALUE[at : at + 60] for at in range(0, len(VALUE), 60)) + " \n",
    "body": BODY,
    "body in lines": f"  {WRAPPED}\n",
    "body that begins with another field": urlencode({"RelayState": "/o/acme/", "SAMLResponse": VALUE}),
    "curl": f"curl 'https://cells.example/callback' \\\n  -H 'Origin: null' \\\n  --data-raw '{BODY}' --compressed",
    "curl of bash with a dollar": f"curl https://cells.example/x --data-raw $'{BODY}'",
    "curl of Windows": f'curl ^"https://cells.example/x^" ^\r\n  -H ^"Origin: null^" ^\r\n  --data-raw ^"{CARETS}^"',
    "curl with fields": f"curl https://cells.example/x --data-urlencode 'SAMLResponse={VALUE}' -d RelayState=%2Fo%2Facme%2F",
    "curl with an unclosed quote": f"curl https://cells.example/x -d {BODY} -H 'Origin: null",
    "HTTP message": f"POST /o/acme/auth/saml/callback HTTP/1.1\r\nHost: cells.example\r\n\r\n{BODY}",
    "log line": f'10.0.0.7 - [23/Nov/2026:08:15:00 +0000] "POST /o/acme/auth/saml/callback HTTP/1.1" 403 1532 "{BODY}"',
    "log line in JSON": json.dumps({"level": "info", "request": {"path": "/callback", "body": BODY}}),
    "log line that escapes": '{"level": "info", "body": "' + BODY.replace("&", "\\u0026") + '"}',
    "JSON of the fields": json.dumps({"SAMLResponse": VALUE, "RelayState": "/o/acme/"}),
    "HAR with text": har({"url": "https://a.example/"}, {"postData": {"text": BODY}}),
    "HAR with fields": har({"postData": {"params": [{"name": "SAMLResponse", "value": VALUE}]}}),
    "HAR with encoded fields": har({"postData": {"params": [{"name": "SAMLResponse", "value": quote(VALUE, safe="")}]}}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_leads_to_the_same_verdict(bench: Bench, shape: str) -> None:
    """The document that was copied is judged, whatever it was copied from."""
    (source,) = read_sources("paste", SHAPES[shape].encode())
    found = inspect(source, bench.question(vector("as-minted")), ask_binding=True)
    assert found.accepted, found.first_failure
    assert source.came_as


def test_a_har_file_with_several_documents_names_each() -> None:
    """Each posted response is a document of its own; requests without one are none."""
    raw = har({"postData": {"text": BODY}}, {"url": "https://a.example/?q=1"}, {"postData": {"text": BODY}})
    assert [source.name for source in read_sources("a.har", raw.encode())] == ["a.har#1", "a.har#2"]


def test_a_log_with_several_lines_names_each() -> None:
    """Two requests in one log are two documents."""
    assert len(read_sources("log", f"POST /a {BODY}\nPOST /b {BODY}\n".encode())) == 2


def deflated(raw: bytes) -> str:
    """Return *raw* as the redirect binding sends it."""
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(raw) + packer.flush()).decode()


def test_a_deflated_response_is_refused_as_the_endpoint_refuses_it_and_read_all_the_same(bench: Bench) -> None:
    """Nothing is inflated for an endpoint; a person is told what is inside."""
    (source,) = read_sources("paste", deflated(XML).encode())
    found = inspect(source, bench.question(vector("as-minted")), ask_binding=True)
    assert found.first_failure is not None
    assert (found.first_failure.check.number, found.first_failure.code) == (2, "handoff.malformed")
    assert found.raw_xml == XML
    assert found.handoff is not None
    assert "compressed" in found.notes[0]


@pytest.mark.parametrize("url", ["https://idp.example/sso?SAMLRequest={}&RelayState=x", "GET /sso?SAMLRequest={} HTTP/1.1"])
def test_a_request_in_a_url_is_inflated_and_named(url: str) -> None:
    """A SAMLRequest of the redirect binding is no Response: check 1 refuses it, and it is said what it is."""
    request = b'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0"/>'
    (source,) = read_sources("paste", url.format(quote(deflated(request), safe="")).encode())
    question = by_itself(XML).question
    found = inspect(source, question, ask_binding=False)
    assert (found.kind.name, found.raw_xml) == ("authn_request", request)
    assert found.first_failure is not None
    assert found.first_failure.check.number == 1


def test_what_was_posted_is_not_repaired(bench: Bench) -> None:
    """Two fields stay two, and junk inside the base64 of a form stays junk."""
    for body in (f"{BODY}&{BODY}", BODY.replace("SAMLResponse=", "SAMLResponse=%20"), BODY.replace("%3D", "")):
        if body == BODY:
            continue
        (source,) = read_sources("paste", body.encode())
        found = inspect(source, bench.question(vector("as-minted")), ask_binding=True)
        assert found.first_failure is not None
        assert (found.first_failure.check.number, found.first_failure.code) == (1, "handoff.malformed"), body[:40]


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" \n\t", b"\xff\x00\x01", b"{}", b'{"log": 1}', b'{"log": {"entries": [1, null, {"request": 2}]}}'),
        *(b"curl https://cells.example/", b"{" * 100_000, b'{"a": ' * 50_000),
    ],
)
def test_what_holds_no_document_is_unreadable(raw: bytes) -> None:
    """It is said so, and nothing else happens."""
    with pytest.raises(Unreadable):
        read_sources("paste", raw)


@pytest.mark.parametrize(
    "unit",
    [
        b"A",
        b" A",
        b"%41",
        b"&a=b",
        b"<![CDATA[",
        b"curl -d '",
        b"{}",
        b"SAMLResponse=",
        b"?SAMLRequest=A&",
        b"\\u0026\n",
        b"''\"",
    ],
    ids=lambda unit: unit.decode().strip(),
)
def test_fifty_megabytes_end_quickly(unit: bytes, world: World) -> None:
    """Whatever is repeated, reading is linear: no hang, and no document that is larger than an endpoint takes."""
    raw = (b"SAMLResponse=" if unit in (b"%41", b"&a=b") else b"") + unit * (MAX_SOURCE_BYTES // len(unit) - 1)
    began = time.process_time()
    try:
        sources = read_sources("paste", raw)
    except Unreadable:
        sources = []
    question = by_itself(world.minted()).question
    for source in sources:
        assert not inspect(source, question, ask_binding=False).accepted
    assert time.process_time() - began < 20
    assert len(sources) <= 100
