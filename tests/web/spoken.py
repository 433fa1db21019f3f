"""What a page says, against the catalogue of the language that it says it in."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from lxml import html

from bridge.web.language import LANGUAGES, Language
from bridge.web.messages import gettext, ngettext
from tests.web.message_ids import message_ids

PLACEHOLDER = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
_TOLD = ("title", "aria-label", "aria-description", "alt", "placeholder")
_NO_WORDS = re.compile(r"[\d\W_]*")
_MOMENT = re.compile(r".+, \d\d:\d\d UTC")
_BY_TAG = {one.tag: one for one in LANGUAGES.values()}


def not_in_the_catalogue(page: str, data: Iterable[str]) -> list[str]:
    """Return each text of *page* that is neither *data* nor a sentence of the catalogue, in the language that it stands in."""
    known = frozenset(data) | {one.name for one in LANGUAGES.values()}
    return [f"{language.code}: {text}" for language, text in texts(page) if not _known(language, text, known)]


def texts(page: str) -> Iterator[tuple[Language, str]]:
    """Yield every text that *page* shows or has read aloud, white space folded, with the language of the nearest `lang`.

    What stands in `<code>` is no word.
    """
    tree = html.document_fromstring(page)
    for element in tree.iter():
        if not isinstance(element.tag, str) or element.tag in ("code", "style", "script"):
            continue
        said = [element.text, *(child.tail for child in element), *(element.get(name) for name in _TOLD)]
        if element.tag == "title":
            said[0] = (element.text or "").rpartition(" · ")[0]
        spoken = _BY_TAG[element.xpath("ancestor-or-self::*[@lang][1]/@lang")[0]]
        yield from ((spoken, " ".join(text.split())) for text in said if text and text.strip())


def _known(language: Language, text: str, data: frozenset[str]) -> bool:
    return bool(
        text in data or _NO_WORDS.fullmatch(text) or _MOMENT.fullmatch(text) or _sentences(language, data).fullmatch(text)
    )


@cache
def _sentences(language: Language, data: frozenset[str]) -> re.Pattern[str]:
    unnamed = {gettext(message, language) for message in ("this provider", "your organization")}
    unnamed |= {value[:1].upper() + value[1:] for value in unnamed}
    value = "|".join(map(re.escape, sorted(data | unnamed, key=len, reverse=True)))
    patterns = {
        re.sub(r"\\%\\\((\w+)\\\)s|%\\\((\w+)\\\)s|\\\{(\w+)\\\}", lambda _: rf"(?:{value}|\d+)", re.escape(sentence))
        for message in message_ids()
        for sentence in _forms(message, language)
    }
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _forms(message: str | tuple[str, str], language: Language) -> set[str]:
    if isinstance(message, tuple):
        return {ngettext(*message, number, language) for number in (1, 2)}
    return {gettext(message, language)}
