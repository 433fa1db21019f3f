"""Bytes that are no plain UTF-8, text that is no XML, namespaces that have no canonical form."""

import codecs
from collections.abc import Callable

from tests.vectors.recipes.plain_xml import EMAIL, ROOT, malformed, respelled
from tests.vectors.world import World


def _encoded(codec: str, *, bom: bytes = b"", declared: str = "") -> Callable[[World], bytes]:
    """Return the build that writes the signed document in another encoding."""

    def build(world: World) -> bytes:
        text = world.signed().decode("ascii")
        declaration = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
        return bom + (declaration + text).encode(codec)

    return build


def _utf_7(world: World) -> bytes:
    """Return a document whose comment shows only to who reads UTF-7."""
    declaration = b'<?xml version="1.0" encoding="UTF-7"?>\n'
    return declaration + world.respelled((EMAIL, ">dana@acme.example+ADwAIQAtAC0-<"))


_ENCODINGS = [
    malformed(
        "utf-16-le",
        "In UTF-16 a search for markup finds nothing (CVE-2024-52806).",
        21,
        _encoded("utf-16-le", bom=codecs.BOM_UTF16_LE),
        body="base64",
    ),
    malformed(
        "utf-16-be", "UTF-16 in the other order of bytes.", 21, _encoded("utf-16-be", bom=codecs.BOM_UTF16_BE), body="base64"
    ),
    malformed(
        "utf-16-without-bom",
        "UTF-16 that only its zero bytes give away.",
        21,
        _encoded("utf-16-le", declared="UTF-16"),
        body="base64",
        line=1,
    ),
    malformed("utf-32", "UTF-32.", 21, _encoded("utf-32-le", bom=codecs.BOM_UTF32_LE), body="base64"),
    malformed("utf-7", "UTF-7 spells markup in letters.", 21, _utf_7, mark=b"UTF-7"),
    malformed("ebcdic", "EBCDIC has other bytes for every letter.", 21, _encoded("cp037", declared="IBM037"), body="base64"),
    malformed(
        "latin-1-declared",
        "Declared as ISO-8859-1, the same bytes are other letters.",
        21,
        _encoded("ascii", declared="ISO-8859-1"),
        mark=b"ISO-8859-1",
    ),
    malformed(
        "utf-8-bom",
        "A byte order mark before the document.",
        21,
        lambda world: codecs.BOM_UTF8 + world.signed(),
        mark=b"<samlp:Response",
    ),
    malformed(
        "invalid-utf-8",
        "A byte that is no UTF-8.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xe9Hill"),
        body="base64",
    ),
    malformed(
        "overlong-utf-8",
        "An overlong spelling of < in UTF-8.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xc0\xbcHill"),
        body="base64",
    ),
    malformed(
        "surrogates-in-utf-8",
        "Half a pair of surrogates.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana \xed\xa0\x80Hill"),
        body="base64",
    ),
    malformed(
        "zero-byte",
        "A zero byte ends the text for readers in C.",
        21,
        lambda world: world.signed().replace(b"Dana Hill", b"Dana\0Hill"),
        body="base64",
        mark=b"Dana\0",
    ),
    respelled(
        "reference-to-zero",
        "A reference to a character that XML does not have.",
        21,
        (">Dana Hill<", ">Dana&#0;Hill<"),
        mark=b"&#0;",
    ),
    respelled(
        "xml-1.1", "XML 1.1 allows other characters and line ends.", 26, (ROOT, '<?xml version="1.1"?>\n' + ROOT), mark=b'"1.1"'
    ),
    respelled(
        "declaration-late",
        "A declaration after white space is an instruction.",
        22,
        (ROOT, '\n<?xml version="1.0"?>\n' + ROOT),
        mark=b"<?xml",
    ),
    respelled(
        "declaration-twice",
        "Two declarations.",
        22,
        (ROOT, '<?xml version="1.0"?>\n<?xml version="1.0"?>\n' + ROOT),
        mark=b"<?xml",
    ),
]


_END = "</samlp:Response>"
_BROKEN = [
    respelled("second-root", "A second document follows the first.", 22, (_END, _END + "\n<evil/>"), mark=b"<evil/>"),
    respelled("text-after-the-root", "Text follows the root.", 22, (_END, _END + "\nevil"), mark=b"evil"),
    respelled("text-before-the-root", "Text stands before the root.", 22, (ROOT, "evil" + ROOT), mark=b"evil"),
    respelled("truncated", "The end is missing.", 22, (_END, "the end"), mark=b"the end"),
    respelled("tag-not-closed", "Two tags do not fit.", 22, ("</saml:Subject>", "</saml:Issuer>"), mark=b"</saml:Issuer>"),
    respelled(
        "prefix-not-declared", "A prefix that nobody declared.", 6, ("<saml:OneTimeUse/>", "<evil:OneTimeUse/>"), mark=b"<evil:"
    ),
    respelled("bare-ampersand", "An ampersand that begins nothing.", 22, (">Dana Hill<", ">Dana & Hill<"), mark=b"Dana & Hill"),
    malformed("empty-document", "Nothing but white space.", 22, lambda _world: b" \t ", mark=b" "),
    malformed("no-xml", "No XML at all.", 22, lambda _world: b"SAMLResponse\n", mark=b"SAML"),
]


_VOID = [
    respelled(
        "namespace-relative",
        "A relative namespace URI makes canonical form fail, and the digest that of nothing (Fragile Lock).",
        7,
        (ROOT, ROOT + ' xmlns:evil="relative"'),
    ),
    respelled(
        "namespace-relative-in-the-assertion",
        "A relative namespace URI on the assertion.",
        7,
        ("<saml:Subject>", '<saml:Subject xmlns:evil="../up">'),
    ),
    respelled(
        "namespace-relative-by-reference",
        "A relative namespace URI, its first letter as a reference.",
        7,
        (ROOT, ROOT + ' xmlns:evil="&#x72;elative"'),
    ),
    respelled(
        "namespace-relative-in-signed-info",
        "A relative namespace URI on SignedInfo.",
        7,
        ("<ds:SignedInfo>", '<ds:SignedInfo xmlns:evil="relative">'),
    ),
    respelled(
        "namespace-with-a-space",
        "A namespace URI with a space in it.",
        7,
        (ROOT, ROOT + ' xmlns:evil="urn:x y"'),
        mark=b"urn:x y",
    ),
]

CASES = [*_ENCODINGS, *_BROKEN, *_VOID]
