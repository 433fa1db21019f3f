"""The catalogues: whole, true to the English sentences, and in one tone; and every page in every language against them."""

import re
from collections import Counter
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask
from hatchling.builders.wheel import WheelBuilder

from bridge.errors import BridgeError
from bridge.web import headers, messages, pages
from bridge.web.language import ENGLISH, LANGUAGES, Language
from tests.web.every_page import DATA, PASSING, STANDING, cell
from tests.web.message_ids import ROOT, MessageId, message_ids
from tests.web.refusals import KINDS, MARKER, marked
from tests.web.spoken import PLACEHOLDER, not_in_the_catalogue, texts

OTHERS = [one for one in LANGUAGES.values() if one != ENGLISH]
SAME_IN_GERMAN = {"Code", "Name"}
TONE = {"de": re.compile(r"\b(?:[Dd]u|[Dd]ein\w*|[Dd]ir|[Dd]ich|bitte klicken)\b"), "zh": re.compile("你|帐|登陆|[,;:?!.]")}
ENDS = {".": ".。", "?": "?？", "!": "!！"}

each_other_language = pytest.mark.parametrize("language", OTHERS, ids=lambda one: one.code)
each_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda one: one.code)


def catalogue(language: Language) -> Catalog:
    """Read the catalogue as a translator's tool does."""
    with (messages.LOCALES / f"{language.code}.po").open("rb") as file:
        return read_po(file, locale=language.code, abort_invalid=True)


def placeholders(text: str) -> Counter[str]:
    """Count the placeholders of *text*."""
    return Counter(found[0] for found in PLACEHOLDER.finditer(text))


def forms(value: Any) -> tuple[str, ...]:
    """Return the forms of a message id or of a translation."""
    return (value,) if isinstance(value, str) else tuple(value)


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    """A language without words would be English under a wrong name; words without a language would never be read."""
    assert {path.name for path in messages.LOCALES.iterdir()} == {f"{one.code}.po" for one in OTHERS}


@each_other_language
def test_every_sentence_is_translated_and_none_is_left_over(language: Language) -> None:
    """What is new is translated before it is shown, and what is gone is taken out; nothing is fuzzy."""
    found = catalogue(language)
    here: set[MessageId] = {message.id if isinstance(message.id, str) else (message.id[0], message.id[1]) for message in found}
    here.discard("")
    assert not message_ids() - here, "not translated yet"
    assert not here - message_ids(), "said nowhere any more"
    assert not found.obsolete
    assert [message.id for message in found if message.fuzzy and message.id] == []
    assert [message.id for message in found if message.id and not all(forms(message.string))] == []


@each_other_language
def test_translations_hold_what_their_sentences_hold(language: Language) -> None:
    """The same placeholders and kind of end, as many forms as the language has, and no markup: it would not be escaped."""
    wrong = []
    for message in catalogue(language):
        if not message.id:
            continue
        ids, strings = forms(message.id), forms(message.string)
        plural = ids[-1]
        if len(ids) > 1 and len(strings) != catalogue(language).num_plurals:
            wrong.append(f"{plural}: {len(strings)} forms")
        for string in strings:
            if placeholders(string).keys() != placeholders(plural).keys():
                wrong.append(f"{plural}: placeholders of {string}")
            if ends_of(plural) != ends_of(string):
                wrong.append(f"{plural}: end of {string}")
            if re.search(r"[<>&]|  |^\s|\s$|%(?!\(\w+\)s)", string):
                wrong.append(f"{plural}: characters of {string}")
            if string == plural and string not in SAME_IN_GERMAN:
                wrong.append(f"{plural}: still English")
    assert wrong == []


def ends_of(text: str) -> str:
    """Return the kind of stop at the end of *text*."""
    return next((kind for kind, stops in ENDS.items() if text[-1] in stops), "")


@each_other_language
def test_one_tone(language: Language) -> None:
    """German says Sie; Chinese says 您, writes 账号 and 登录, and uses its own stops."""
    said = [PLACEHOLDER.sub("", text) for message in catalogue(language) if message.id for text in forms(message.string)]
    assert [text for text in said if TONE[language.code].search(text)] == []


@each_language
@pytest.mark.parametrize("name", [*STANDING, *PASSING])
def test_a_page_says_nothing_that_is_not_in_the_catalogue(name: str, language: Language) -> None:
    """No sentence of another language, and none that nobody marked: every text of every page, besides names and addresses."""
    page = cell().test_client().get(f"/{name}", headers={"Accept-Language": language.code}).text
    assert not_in_the_catalogue(page, DATA) == []
    assert sum(spoken == language for spoken, _ in texts(page)) > 5


@each_language
def test_a_name_is_text_in_every_language(language: Language) -> None:
    """Names and addresses are put into sentences as they are, and escaped: markup and placeholders in them do nothing."""
    hostile = '<b title="{{ 7 * 7 }}">%(org)s %s {org} 100%</b>'
    app = cell()
    button = pages.ProviderButton(label=hostile, kind="x", start_path="/x")
    question = pages.Question(
        who=hostile, org_name=hostile, provider_label=hostile, signed_in_as=hostile, from_elsewhere=False, seconds=1
    )
    views: dict[str, Any] = {
        "a": lambda: pages.sign_in(buttons=[button], csrf_token="t", return_to=None, form_targets=(), org_name=hostile),
        "b": lambda: pages.confirm(
            question=question, answer_path="/", cancel_path="/", saml_response="", leaving="", csrf_token="t"
        ),
        "c": lambda: pages.signed_out(org_name=hostile, sign_in_path="/"),
        "d": lambda: pages.handoff(acs_url="https://a.example/", saml_response="", relay_state=None, org_name=hostile),
    }
    for name, view in views.items():
        app.add_url_rule(f"/hostile/{name}", name, view)
    for name in views:
        page = app.test_client().get(f"/hostile/{name}", headers={"Accept-Language": language.code}).text
        assert "<b " not in page
        said = [text for _, text in texts(page) if "7 * 7" in text]
        assert len(said) >= 2
        assert all(hostile in text for text in said)


def test_a_wheel_carries_the_catalogues() -> None:
    """They are read where they stand, so what is installed has them without another step."""
    carried = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"bridge/web/locales/{one.code}.po" for one in OTHERS} <= carried


def test_every_template_is_among_the_pages() -> None:
    """A new page is walked in every language as well."""
    app = cell()
    shown: set[str] = set()
    environment = app.jinja_env
    get = environment.get_template

    def note(name: Any, *args: Any, **values: Any) -> Any:
        shown.add(str(name))
        return get(name, *args, **values)

    environment.get_template = environment.get_or_select_template = note  # type: ignore[method-assign,assignment]
    for name in (*STANDING, *PASSING):
        app.test_client().get(f"/{name}")
    extended = {"base.html", *(path.name for path in headers.TEMPLATES.glob("*.html") if included(path.name))}
    assert shown | extended == {path.name for path in headers.TEMPLATES.glob("*.html")}


def included(name: str) -> bool:
    """Whether another template takes *name* in."""
    return any(f'include "{name}"' in path.read_text("utf-8") for path in headers.TEMPLATES.glob("*.html"))


@each_language
@pytest.mark.parametrize("known", [{}, {"provider": "github", "org": "acme"}], ids=["strangers", "known"])
def test_every_refusal_is_told_in_every_language(app: Flask, language: Language, known: dict[str, str]) -> None:
    """Heading and next step are the catalogue's, for each class of the tree, with and without labels."""
    raised: list[BridgeError] = []

    def refuse() -> str:
        raise raised[-1]

    app.add_url_rule("/refused", "refused", refuse)
    client = app.test_client()
    for kind in KINDS:
        raised.append(marked(kind, **known))
        page = client.get("/refused", headers={"Accept-Language": language.code}).text
        assert not_in_the_catalogue(page, {"cellbridge", "GitHub & Co", "Acme <Ltd>"}) == [], kind.code
        assert MARKER not in page
