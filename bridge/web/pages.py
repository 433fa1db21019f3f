"""The pages that both cells show, each a function of what is to be seen.

The law: a page stands alone. It loads nothing, keeps nothing, works without a script, and everything in it is escaped.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel import Locale
from babel.dates import format_skeleton
from flask import Flask, Response, make_response, render_template
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge.handoff import ReturnPath
from bridge.web import headers, language, messages
from bridge.web.csrf import FIELD
from bridge.web.icons import glyph
from bridge.web.language import LANGUAGES, Language
from bridge.web.messages import Labels, gettext


@dataclass(frozen=True, kw_only=True)
class ProviderButton:
    """One way in: what its button says, and the path that its form posts to."""

    label: str
    kind: str
    start_path: str


@dataclass(frozen=True, kw_only=True)
class EmailForm:
    """The field that takes an email first; `problem` is a sentence about the address that was just sent."""

    action: str
    csrf_token: str
    value: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is signed in, as the landing page shows it; `org_name` is empty on the legacy cell, and `email` for who gave none."""

    name: str
    email: str
    org_name: str
    provider_label: str
    session_ends: datetime


@dataclass(frozen=True, kw_only=True)
class Question:
    """Who would be signed in where: *who* is a verified address or the provider's own name for the account.

    `signed_in_as` is whose session would end; `from_elsewhere` where another site sent the browser; `seconds` is how long the
    answer counts.
    """

    who: str
    org_name: str
    provider_label: str
    signed_in_as: str | None
    from_elsewhere: bool
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a page says in one language: heading, text, and the link to *address* that is the way on."""

    language: Language
    heading: str
    text: str
    link: str
    address: str


def install(app: Flask, *, labels: Labels, templates: Path | None) -> None:
    """Prepare the templates of *app*: a cell's own folder first, then ours, everything escaped, no unknown names."""
    folders = [FileSystemLoader(folder) for folder in (templates, headers.TEMPLATES) if folder is not None]
    app.jinja_loader = ChoiceLoader(folders)
    environment = app.jinja_env
    environment.autoescape = True
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(messages.gettext, messages.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {
        "brand": labels.brand,
        "csrf_field": FIELD,
        "glyph": glyph,
        "inline_script": Markup(headers.inline_block(headers.SCRIPT)),  # noqa: S704 - our own file
        "inline_style": Markup(headers.inline_block(headers.STYLE)),  # noqa: S704 - our own file
        "language": language.current,
        "languages": LANGUAGES.values(),
        "switches": language.switches,
    }


def render(
    template: str, *, form_targets: Iterable[str] = (), script: bool = False, status: int = 200, **values: object
) -> Response:
    """Return *template* as a page with its own Content-Security-Policy (`headers.page_policy`)."""
    response = make_response(render_template(template, **values), status)
    response.headers["Content-Security-Policy"] = headers.page_policy(form_targets=form_targets, script=script)
    response.headers["Content-Language"] = language.current().tag
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def sign_in(
    *,
    buttons: Sequence[ProviderButton],
    csrf_token: str,
    return_to: ReturnPath | None,
    form_targets: Iterable[str],
    org_name: str | None = None,
    login_hint: str = "",
    email_form: EmailForm | None = None,
    status: int = 200,
) -> Response:
    """Return the page with every way in; *org_name* where it is the page of one organization."""
    return render(
        "sign_in.html",
        form_targets=form_targets,
        status=status,
        buttons=buttons,
        csrf_token=csrf_token,
        return_to=return_to,
        org_name=org_name,
        login_hint=login_hint,
        email_form=email_form,
    )


def handoff(*, acs_url: str, saml_response: str, relay_state: str | None, org_name: str | None) -> Response:
    """Return the page that posts the response to *acs_url* (SAML bindings 3.5.4), by itself or by its button."""
    target = urlsplit(acs_url)
    return render(
        "post.html",
        form_targets=(f"{target.scheme}://{target.netloc}".lower(),),
        script=True,
        action=acs_url,
        saml_response=saml_response,
        relay_state=relay_state,
        org_name=org_name,
    )


def confirm(
    *, question: Question, answer_path: str, cancel_path: str, saml_response: str, leaving: str, csrf_token: str
) -> Response:
    """Return the page that asks before a sign-in; only the person's own press of the button answers it."""
    return render(
        "confirm.html",
        question=question,
        answer_path=answer_path,
        cancel_path=cancel_path,
        saml_response=saml_response,
        leaving=leaving,
        csrf_token=csrf_token,
    )


def moment(at: datetime) -> str:
    """Return a time as the person reads it, in the language of this request, UTC."""
    locale = Locale.parse(language.current().code)
    day, clock = (format_skeleton(skeleton, at.astimezone(UTC), tzinfo=UTC, locale=locale) for skeleton in ("yMMMd", "Hm"))
    return f"{day}, {clock} UTC"


def landing(
    *,
    person: Person,
    sign_out_path: str,
    csrf_token: str,
    asked_for: str | None = None,
    identities_path: str | None = None,
) -> Response:
    """Return the page that says who is signed in; *asked_for* is the path that the person came for."""
    return render(
        "landing.html",
        person=person,
        session_ends=moment(person.session_ends),
        sign_out_path=sign_out_path,
        csrf_token=csrf_token,
        asked_for=asked_for,
        identities_path=identities_path,
    )


def signed_out(*, org_name: str | None, sign_in_path: str) -> Response:
    """Return the page after signing out."""

    def words(spoken: Language) -> Words:
        return Words(
            language=spoken,
            heading=(
                gettext("You are signed out of %(org)s", spoken) % {"org": org_name}
                if org_name
                else gettext("You are signed out", spoken)
            ),
            text=gettext(
                "Your session has ended. You may still be signed in at the provider that you used; "
                "on a shared computer, sign out there, too.",
                spoken,
            ),
            link=gettext("Sign in again", spoken),
            address=_in_language(sign_in_path, spoken),
        )

    return _said_once("signed_out.html", words)


def error(
    *,
    sentences: Callable[[Language], tuple[str, str]],
    public_code: str,
    reference: str,
    start_path: str,
    status: int,
) -> Response:
    """Return the page of a refusal, *sentences* in each language; only `bridge.web.errors_page` calls this."""

    def words(spoken: Language) -> Words:
        happened, next_step = sentences(spoken)
        return Words(
            language=spoken,
            heading=happened,
            text=next_step,
            link=gettext("Start again", spoken),
            address=_in_language(start_path, spoken),
        )

    return _said_once("error.html", words, status=status, public_code=public_code, reference=reference, ours=status >= 500)


def _said_once(template: str, words: Callable[[Language], Words], *, status: int = 200, **values: Any) -> Response:
    """Return a page whose address cannot be opened again: it says the same in the other languages, too, for a switch."""
    spoken = language.current()
    others = [words(one) for one in LANGUAGES.values() if one != spoken]
    return render(template, status=status, words=words(spoken), in_other_languages=others, **values)


def _in_language(address: str, spoken: Language) -> str:
    """Return *address* in this request's language as it is; in another it switches."""
    if spoken == language.current():
        return address
    return f"{address}{'&' if '?' in address else '?'}{language.FIELD}={spoken.code}"
