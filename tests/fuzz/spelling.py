"""Change how a form is spelled: bytes, text, size, base64 and fields, without a look at what it means."""

import base64
import random
import zlib
from collections.abc import Callable

from tests.vectors.vector import Form

SNIPPETS = (
    *("<!---->", "<!-- x -->", "<?x y?>", "<![CDATA[]]>", "<![CDATA[x]]>", "<![CDATA[<!--]]>", "]]>", "&#0;", "&#13;"),
    *("&lt;", "&amp;", "&x;", "&#xD800;", "\0", "\x08", "\ufeff", "\u2028", "<a/>", "<a>", "</a>", "<", ">", "&", '"', "'"),
    *("=", "/", ":", ' xmlns:x="urn:x"', ' xmlns="urn:x"', ' xmlns:x="x"', ' xmlns:saml="urn:x"', ' ID="_evil"', "\ud800"),
    *('<!DOCTYPE x [<!ENTITY x "y">]>', "<!DOCTYPE x>", '<?xml version="1.0" encoding="utf-16"?>', '<?xml version="1.1"?>'),
)  # fmt: skip
STRAY = ("=", "-", "_", " ", "\n", "\r\n", "\0", "%3D", "\u00e9", "\uff21", "\ud800")
SIZES = (30, 300, 1001, 3000, 20_000, 149_000, 160_000)


def respelled(rng: random.Random, xml: bytes) -> bytes:
    """Return *xml* with a piece of text put in, taken out, doubled, or written in another way."""
    text = xml.decode("utf-8", "surrogateescape")
    start = rng.randint(0, len(text))
    end = min(len(text), start + rng.choice((0, 1, 1, 2, 8, 64, 400)))
    way = rng.randrange(6)
    if way == 0:
        text = text[:start] + rng.choice(SNIPPETS) + text[start:]
    elif way == 1:
        text = text[:start] + text[end:]
    elif way == 2:
        text = text[:end] + text[start:end] + text[end:]
    elif way == 3:
        after = text.find(rng.choice((">", "<", '"', "=")), start)
        text = text[: after + 1] + rng.choice(SNIPPETS) + text[after + 1 :]
    elif way == 4:
        text = text[:start] + "".join(f"&#{ord(each)};" for each in text[start : start + 4]) + text[start + 4 :]
    else:
        old, new = rng.sample(("saml:", "samlp:", "ds:", "ID=", "Id=", '"', "'", "\n", "  ", "UTF-8", "&amp;", ">"), 2)
        text = text.replace(old, new, rng.choice((1, -1)))
    return text.encode("utf-8", "surrogatepass") if rng.random() < 0.5 else text.encode("utf-8", "replace")


def corrupted(rng: random.Random, raw: bytes) -> bytes:
    """Return *raw* with some bytes flipped, put in, taken out or replaced."""
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randint(0, len(changed))
        way = rng.randrange(4)
        if way == 0 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif way == 1:
            changed[place:place] = rng.randbytes(rng.choice((1, 1, 4)))
        elif way == 2:
            del changed[place : place + rng.choice((1, 1, 3, 50))]
        else:
            changed[place : place + 1] = bytes([rng.choice((0, 9, 13, 34, 38, 39, 60, 62, 0x80, 0xC0, 0xED, 0xFF))])
    return bytes(changed)


def grown(rng: random.Random, xml: bytes) -> bytes:
    """Return *xml* with much of one thing in it: levels, siblings, attributes, namespaces, text, or white space around it."""
    count = rng.choice(SIZES)
    more = rng.choice(
        (
            lambda: b"<x>" * count + b"</x>" * count,
            lambda: b"<x/>" * count,
            lambda: b"<x " + b" ".join(b'a%d=""' % number for number in range(count)) + b"/>",
            lambda: b"<x " + b" ".join(b'xmlns:a%d="urn:a"' % number for number in range(count)) + b"/>",
            lambda: _scopes(min(count, 480)),
            lambda: b"x" * count,
            lambda: b" " * count,
            lambda: b"&amp;" * count,
            lambda: b"<![CDATA[x]]>" * count,
            lambda: b"<!-- -->" * count,
        )
    )()  # fmt: skip
    places = [index + 1 for index in range(len(xml)) if xml[index : index + 1] == b">"] or [0]
    place = rng.choice(places)
    return xml[:place] + more + xml[place:]


def _scopes(count: int) -> bytes:
    declared = b" ".join(b'xmlns:a%d="urn:%d"' % (number, number) for number in range(count))
    return b"<x " + declared + b">" + b"<a0:y/>" * count + b"</x>"


def reposted(rng: random.Random, form: Form) -> Form:
    """Return *form* with one field spelled in another way, added or gone."""
    fields = list(form)
    index = rng.randrange(len(fields)) if fields else 0
    name, value = fields[index] if fields else ("SAMLResponse", "")
    place = rng.randint(0, len(value))
    raw = value.encode("utf-8", "surrogatepass")
    changes: tuple[Callable[[], tuple[str, str]], ...] = (
        lambda: (name, value[:place] + rng.choice(STRAY) + value[place:]),
        lambda: (name, value[:place]),
        lambda: (name, value + "=" * rng.randint(1, 3)),
        lambda: (name, value.rstrip("=")),
        lambda: (name, value.replace("+", "-").replace("/", "_")),
        lambda: (name, value[:-1] + rng.choice("ABCDwxyz=") if value else "="),
        lambda: (name, base64.b64encode(raw).decode("ascii")),
        lambda: (name, base64.b64encode(zlib.compress(raw)[2:-4]).decode("ascii")),
        lambda: (name, "\n".join(value[start : start + 76] for start in range(0, len(value), 76))),
        lambda: (name, value * rng.choice((2, 40))),
        lambda: (rng.choice(("SAMLRequest", "samlresponse", "SAMLResponse[]", "SAMLResponse ", "SAMLResponse\0", "")), value),
        lambda: ("RelayState", value),
    )  # fmt: skip
    changed = rng.choice(changes)()
    way = rng.randrange(4)
    if way == 0:
        fields.insert(rng.randint(0, len(fields)), changed)
    elif way == 1 and fields:
        del fields[index]
    elif fields:
        fields[index] = changed
    return tuple(fields)
