"""What pages say: translations, and the labels that stand for providers and organizations.

The law: a sentence is a message id, and only a label from the configuration is ever put into it. A provider's or organization's
name that came with the request stays out, or anybody could make our page say what they like.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from gettext import NullTranslations
from pathlib import Path

from babel.support import Translations
from werkzeug.datastructures import LanguageAccept

from bridge.errors import BridgeError

DOMAIN = "cellbridge"
DEFAULT_LANGUAGE = "en"

_PLACEHOLDER = re.compile(r"\{(provider|org|reference)\}")
_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)
_translations: ContextVar[NullTranslations | None] = ContextVar("translations", default=None)


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


class Catalogues:
    """The languages that can be chosen, with their messages."""

    def __init__(self, catalogues: Mapping[str, NullTranslations]) -> None:
        self._catalogues = {DEFAULT_LANGUAGE: NullTranslations(), **catalogues}

    @classmethod
    def load(cls, directory: Path = Path(__file__).parent / "locale") -> "Catalogues":
        """Return the catalogues compiled under *directory*, as `<language>/LC_MESSAGES/cellbridge.mo`; English needs none."""
        found = sorted(path.parent.parent.name for path in directory.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
        return cls({name.replace("_", "-"): Translations.load(directory, [name], DOMAIN) for name in found})

    def choose(self, accepted: LanguageAccept) -> str:
        """Return the language to answer in, by lookup (RFC 4647 3.4): the browser's first that is here, else English."""
        here = {language.lower(): language for language in self._catalogues}
        for wanted, quality in accepted:
            subtags = wanted.lower().split("-") if quality else []
            while subtags:
                if "-".join(subtags) in here:
                    return here["-".join(subtags)]
                subtags.pop()
        return DEFAULT_LANGUAGE

    def use(self, language: str) -> None:
        """Speak *language* for the rest of this request."""
        _language.set(language)
        _translations.set(self._catalogues[language])


def language() -> str:
    """Return the language of this request as a BCP 47 tag, for `<html lang>`."""
    return _language.get()


def gettext(message: str) -> str:
    """Return *message* in the language of this request."""
    return (_translations.get() or NullTranslations()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form for *number* in the language of this request."""
    return (_translations.get() or NullTranslations()).ngettext(singular, plural, number)


def sentences(error: BridgeError, *, labels: Labels, reference: str) -> tuple[str, str]:
    """Return what happened and what to do next, as plain text for the person: unescaped, with labels filled in."""
    known = {
        "provider": labels.provider(getattr(error, "provider", "")),
        "org": labels.org(getattr(error, "org", "")),
        "reference": reference,
    }
    return _fill(gettext(error.sentence), known), _fill(gettext(error.next_step), known)


def _fill(sentence: str, known: Mapping[str, str | None]) -> str:
    """Fill `{provider}`, `{org}` and `{reference}` in one pass: a label that holds a placeholder is not filled again."""
    unnamed = {"provider": gettext("this provider"), "org": gettext("your organization")}
    filled = _PLACEHOLDER.sub(lambda found: known[found[1]] or unnamed[found[1]], sentence)
    first = _PLACEHOLDER.match(sentence)
    return filled if first is None or known[first[1]] else filled[:1].upper() + filled[1:]
