"""The page of a person's ways in and sessions, and the question before something is linked.

The law: as of every page; what a provider says of an account is shown as text, and decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Response

from bridge.web.pages import ProviderButton, render

FOUND = "found"
"""The form field that carries what came back from the provider, sealed."""


@dataclass(frozen=True, kw_only=True)
class LinkedIdentity:
    """One linked account of a provider; without an `unlink_path` it is the last way in. `in_use` opened this session."""

    label: str
    uid: str
    in_use: bool
    unlink_path: str | None


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """One open session, with its times as the person reads them; `here` is the one of this browser."""

    label: str
    began: str
    seen: str
    here: bool
    end_path: str


def show(
    *,
    org_name: str,
    account: str,
    linked: Sequence[LinkedIdentity],
    to_link: Sequence[ProviderButton],
    sessions: Sequence[SessionLine],
    end_others_path: str,
    home_path: str,
    csrf_token: str,
    form_targets: Iterable[str],
) -> Response:
    """Return the page."""
    return render(
        "identities.html",
        form_targets=form_targets,
        org_name=org_name,
        account=account,
        linked=linked,
        to_link=to_link,
        sessions=sessions,
        end_others_path=end_others_path,
        home_path=home_path,
        csrf_token=csrf_token,
    )


def ask_to_link(
    *,
    org_name: str,
    provider_label: str,
    who: str,
    username: str,
    account: str,
    answer_path: str,
    cancel_path: str,
    found: str,
    csrf_token: str,
) -> Response:
    """Return the page that asks whether the provider's account *who*, which calls itself *username*, shall open *account*."""
    return render(
        "link.html",
        org_name=org_name,
        provider_label=provider_label,
        who=who,
        username=username,
        account=account,
        answer_path=answer_path,
        cancel_path=cancel_path,
        found_field=FOUND,
        found=found,
        csrf_token=csrf_token,
    )
