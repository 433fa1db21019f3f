"""What pages say: translations, and the labels that stand for providers and organizations.

The law: a sentence is a message id, and only a label from the configuration is ever put into it. A provider's or organization's
name that came with the request stays out, or anybody could make our page say what they like.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from bridge.errors import BridgeError
from bridge.web.language import ENGLISH, Language, current

LOCALES = Path(__file__).parent / "locales"

_PLACEHOLDER = re.compile(r"\{(provider|org|reference)\}")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How providers and organizations are called on pages: provider name -> label, organization path -> name."""

    providers: Mapping[str, str] = field(default_factory=dict)
    orgs: Mapping[str, str] = field(default_factory=dict)
    brand: str = "cellbridge"

    def provider(self, name: str) -> str | None:
        """Return the label of the configured provider *name*, or None."""
        return self.providers.get(name)

    def org(self, name: str) -> str | None:
        """Return the organization's name for its path or for the name itself, or None where it is not configured here."""
        return self.orgs.get(name) or (name if name in self.orgs.values() else None)


@cache
def catalogue(language: Language) -> NullTranslations:
    """Return what is said in *language*, from `locales/<code>.po` as it stands there; English is the message ids themselves."""
    if language == ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    with (LOCALES / f"{language.code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language.code, abort_invalid=True))
    compiled.seek(0)
    return Translations(compiled)


def gettext(message: str, language: Language | None = None) -> str:
    """Return *message* in *language*, that of this request unless given."""
    return catalogue(language or current()).gettext(message)


def ngettext(singular: str, plural: str, number: int, language: Language | None = None) -> str:
    """Return the form for *number* in *language*, that of this request unless given."""
    return catalogue(language or current()).ngettext(singular, plural, number)


def sentences(error: BridgeError, *, labels: Labels, reference: str, language: Language | None = None) -> tuple[str, str]:
    """Return what happened and what to do next, as plain text for the person: unescaped, with labels filled in.

    It is in *language*, that of this request unless given.
    """
    language = language or current()
    known = {
        "provider": labels.provider(getattr(error, "provider", "")),
        "org": labels.org(getattr(error, "org", "")),
        "reference": reference,
    }
    return _fill(error.sentence, known, language), _fill(error.next_step, known, language)


def _fill(message: str, known: Mapping[str, str | None], language: Language) -> str:
    """Fill `{provider}`, `{org}` and `{reference}` in one pass: a label that holds a placeholder is not filled again."""
    sentence = gettext(message, language)
    unnamed = {"provider": gettext("this provider", language), "org": gettext("your organization", language)}
    filled = _PLACEHOLDER.sub(lambda found: known[found[1]] or unnamed[found[1]], sentence)
    first = _PLACEHOLDER.match(sentence)
    return filled if first is None or known[first[1]] else filled[:1].upper() + filled[1:]
