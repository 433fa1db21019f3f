"""Every page that a cell shows, each at its name, with data that a test can tell from words."""

import os
from datetime import UTC, datetime
from typing import Any

from flask import Flask, request

from bridge.errors import AccountIdentityConflict, HandoffSignature, ProviderEmailMissing
from bridge.handoff import ReturnPath
from bridge.sections import Service
from bridge.web import headers, identities_page, pages
from bridge.web.app import create_app
from bridge.web.messages import Labels, gettext

LONG = "A Company With a Remarkably Long Name GmbH & Co. Kommanditgesellschaft auf Aktien"
BUTTONS = [
    pages.ProviderButton(label=label, kind=kind, start_path=f"/users/auth/{kind}")
    for label, kind in (("Google", "google_oauth2"), ("GitHub", "github"), (LONG, "openid_connect"), ("Other", "unknown"))
]
NAME = "Dana Whitfield"
EMAIL = "dana.whitfield.with.a.long.address@department.acme.example"
UID = "100200300400500600"
MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ASKED_FOR = "/o/acme/" + "x" * 200
DATA = {
    "cellbridge",
    *(button.label for button in BUTTONS),
    NAME,
    EMAIL,
    EMAIL.partition("@")[0] + "@",
    EMAIL.partition("@")[2],
    UID,
    ASKED_FOR,
    "Acme",
}
"""What stands on the pages and is no word of ours: names, addresses, labels."""


def refused(error: Exception) -> Any:
    """Return a view that refuses with *error*."""

    def view() -> str:
        raise error

    return view


def confirm(*, who: str, signed_in_as: str | None) -> Any:
    """Return the question about *who*, over the session of *signed_in_as*."""
    return pages.confirm(
        question=pages.Question(
            who=who,
            org_name=LONG,
            provider_label="Google",
            signed_in_as=signed_in_as,
            from_elsewhere=signed_in_as is None,
            seconds=85,
        ),
        answer_path="/acs",
        cancel_path="/arrived",
        saml_response="PHhtbC8+",
        leaving="",
        csrf_token="t",
    )


def identities() -> Any:
    """Return the page of somebody with two ways in, the last one of which stays, and sessions in two browsers."""
    sessions = [
        identities_page.SessionLine(
            label="Google", began=pages.moment(MOMENT), seen=pages.moment(MOMENT), here=here, end_path="/arrived"
        )
        for here in (True, False)
    ]
    linked = [
        identities_page.LinkedIdentity(label=label, uid=UID, in_use=in_use, unlink_path=path)
        for label, in_use, path in (("Google", True, "/arrived"), (LONG, False, "/arrived"), ("GitHub", False, None))
    ]
    return identities_page.show(
        org_name=LONG,
        account=EMAIL,
        linked=linked,
        to_link=BUTTONS,
        sessions=sessions,
        end_others_path="/arrived",
        home_path="/arrived",
        csrf_token="t",
        form_targets=(),
    )


def link() -> Any:
    """Return the question before something is linked."""
    return identities_page.ask_to_link(
        org_name=LONG,
        provider_label="GitHub",
        who=UID,
        username=NAME,
        account=EMAIL,
        answer_path="/arrived",
        cancel_path="/arrived",
        found="x",
        csrf_token="t",
    )


def cell() -> Flask:
    """Build an application that shows every page, each at its name."""
    service = Service.model_validate(
        {"public_url": "http://127.0.0.1:8080", "database_url": "sqlite:////nowhere/x.db", "secret_files": ("x",)}
    )
    labels = Labels(providers={"github": "GitHub"}, orgs={"acme": LONG})
    app = create_app("idp", service=service, ready={}, labels=labels, random_bytes=os.urandom)
    targets = headers.provider_targets(service)

    def org_sign_in() -> Any:
        problem = gettext("This is not an email address that can be used here. Check it for typing errors.")
        email = pages.EmailForm(action="/org_sign_in", csrf_token="t", value="dana@", problem=problem)
        return pages.sign_in(
            buttons=BUTTONS,
            csrf_token="t",
            return_to=None,
            form_targets=targets,
            org_name=LONG,
            email_form=email,
            login_hint=EMAIL,
        )

    def landing(org_name: str, asked_for: str | None) -> Any:
        person = pages.Person(
            name=NAME,
            email=EMAIL,
            org_name=org_name,
            provider_label="Google",
            session_ends=MOMENT,
        )
        return pages.landing(
            person=person, sign_out_path="/out", csrf_token="t", asked_for=asked_for, identities_path="/identities"
        )

    def post(org_name: str | None) -> Any:
        return pages.handoff(
            acs_url=f"{request.host_url}acs", saml_response="PHhtbC8+", relay_state="/o/acme/", org_name=org_name
        )

    views: dict[str, Any] = {
        "sign_in": lambda: pages.sign_in(
            buttons=BUTTONS, csrf_token="t", return_to=ReturnPath("/o/acme/projects/7?tab=2"), form_targets=targets
        ),
        "org_sign_in": org_sign_in,
        "landing": lambda: landing(LONG, ASKED_FOR),
        "landing_plain": lambda: landing("", None),
        "confirm": lambda: confirm(who=EMAIL, signed_in_as=None),
        "confirm_leaving": lambda: confirm(who=UID, signed_in_as=EMAIL),
        "signed_out": lambda: pages.signed_out(org_name=LONG, sign_in_path="/users/sign_in"),
        "signed_out_plain": lambda: pages.signed_out(org_name=None, sign_in_path="/users/sign_in?return_to=%2Fo%2Facme%2F"),
        "rejected": refused(HandoffSignature()),
        "conflict": refused(AccountIdentityConflict(org="acme", provider="github", rule=4)),
        "no_email": refused(ProviderEmailMissing(provider="github")),
        "internal": refused(ValueError("x")),
        "identities": identities,
        "link": link,
        "post": lambda: post("Acme"),
        "post_plain": lambda: post(None),
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "POST"])
    app.add_url_rule("/acs", "acs", lambda: dict(request.form), methods=["POST"])
    app.add_url_rule("/arrived", "arrived", lambda: "arrived")
    return app


STANDING = [
    "sign_in",
    "org_sign_in",
    "landing",
    "confirm",
    "confirm_leaving",
    "identities",
    "link",
    "signed_out",
    "rejected",
    "conflict",
    "no_email",
    "internal",
]
PASSING = ["landing_plain", "signed_out_plain", "post", "post_plain"]
"""Pages whose looks another one shows as well, or that leave by themselves."""
