"""What a whole sign-in costs the two cells, and how much of the owning cell's request is SAML: CPU time alone.

The law: the cells run as they are deployed, one worker each, and are asked over HTTP; their clocks are the kernel's, of all
processes of each cell. What a browser, the router or a provider spends is not counted.
"""

import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl

from flask import redirect, request
from werkzeug.wrappers import Response

from bench.rounds import Turn, medians
from bridge.clock import utc_now
from bridge.harness.browser import Browser
from bridge.harness.mint import Mint
from bridge.harness.pair import Options, Pair
from bridge.harness.walk import Walk
from bridge.oauth.attempt import LoginAttempt, start
from bridge.oauth.callback import Callback, read_callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.providers import Provider, build
from bridge.web import logs
from bridge.web.cookies import read_cookie, set_cookie
from sp.app import create_app
from sp.cell import build as build_cell
from sp.session import session_cookie

ROUNDS = 5
LOGINS_A_ROUND = 40
PROVIDER = "google_oauth2"
PERSONA = "dana"


def run() -> dict[str, float]:
    """Return `login_cpu_ms`, `login_http_client_share`, and `endpoint_over_plain_endpoint`."""
    logs.configure("warning", service="bench")
    with tempfile.TemporaryDirectory() as folder, Pair(Path(folder), Options(workers=1, log_level="warning")) as pair:
        login = statistics.median([_login_seconds(pair) for _ in range(ROUNDS)])
        client = _http_client_seconds(pair)
        both = medians(_endpoints(pair), rounds=15)
    return {
        "login_cpu_ms": login * 1000,
        "login_http_client_share": client / login,
        "endpoint_over_plain_endpoint": both["endpoint"] / both["plain endpoint"],
    }


def _login_seconds(pair: Pair) -> float:
    """Return the CPU seconds of both cells for one sign-in: from the callback to the redirect to where the person wanted."""
    walks = [Walk(pair.public_url, Browser()) for _ in range(LOGINS_A_ROUND)]
    chosen = [walk.choose(walk.start(PROVIDER), PERSONA) for walk in walks]
    before = _cells_seconds(pair)
    for walk, page in zip(walks, chosen, strict=True):
        landed = walk.post(walk.callback(page).form(field="SAMLResponse"))
        if landed.status != 303:
            raise RuntimeError(f"a sign-in ended with {landed.status}: {landed.sentence()}")
    return (_cells_seconds(pair) - before) / LOGINS_A_ROUND


def _cells_seconds(pair: Pair) -> float:
    return sum(_process_seconds(pair.processes[name].pid) for name in ("idp", "sp-2"))


def _process_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and of all below it (proc(5), stat: utime and stime)."""
    stat = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") + sum(_process_seconds(int(child)) for child in children)


def _http_client_seconds(pair: Pair) -> float:
    """Return the CPU seconds that this process spends on one identification's calls to the provider, over HTTP."""
    http = ProviderHttp()
    config = next(one for one in pair.legacy_config().provider if one.name == PROVIDER)
    provider = build([config], http=http, clock=utc_now)[PROVIDER]
    redirect_uri = f"{pair.public_url}/users/auth/{PROVIDER}/callback"
    spent: list[float] = []
    for _ in range(LOGINS_A_ROUND):
        attempt, callback = _consented(provider, redirect_uri)
        before = time.process_time()
        provider.identify(callback, attempt, redirect_uri)
        spent.append(time.process_time() - before)
    http.close()
    return statistics.median(spent)


def _consented(provider: Provider, redirect_uri: str) -> tuple[LoginAttempt, Callback]:
    attempt = start(provider=PROVIDER, return_to=None, reference="7KQ2M-4XD9R", now=utc_now(), random_bytes=secrets.token_bytes)
    browser = Browser()
    page = browser.get(provider.authorization_url(attempt, redirect_uri))
    back = browser.submit(page.form(), {"persona": PERSONA})
    query = back.location.partition("?")[2]
    return attempt, read_callback(parse_qsl(query), PROVIDER)


def _endpoints(pair: Pair) -> dict[str, Turn]:
    """Return the endpoint with a fresh handoff each time, and a view of the same application that signs in without SAML."""
    config = pair.config(2)
    app, cell, mint = create_app(config), build_cell(config), Mint(pair)
    org, key, person, secret = cell.orgs["acme"], mint.key(), mint.person(), secrets.token_urlsafe(32)
    cookie = session_cookie(org)

    @app.post("/plain")
    def plain() -> Response:
        now = cell.clock()
        opened = cell.accounts.sign_in(
            identity=person,
            issuer="plain",
            handoff_id=request.form["SAMLResponse"],
            spent_until=now + timedelta(seconds=90),
            session_ends=None,
            reference="7KQ2M-4XD9R",
            policy=org.policy,
            now=now,
            previous_token=read_cookie(request, config.service, cookie),
        )
        response = redirect("/o/acme/", 303)
        set_cookie(response, config.service, cookie, opened.token)
        return response

    def posting(path: str, document: Callable[[], str]) -> Turn:
        client = app.test_client(use_cookies=False)  # nobody is signed in yet
        headers = {"Cookie": f"cb-binding={secret}"}

        def turn(repeats: int) -> float:
            forms = [{"SAMLResponse": document()} for _ in range(repeats)]  # minting is the other cell's
            before = time.process_time()
            statuses = {client.post(path, data=form, headers=headers).status_code for form in forms}
            spent = time.process_time() - before
            if statuses != {303}:
                raise RuntimeError(f"{path} answered {statuses}")
            return spent

        return turn

    return {
        "endpoint": posting(
            "/o/acme/auth/saml/callback",
            lambda: mint.sign(mint.handoff(binding_secret=secret, identity=person), key),
        ),
        "plain endpoint": posting("/plain", lambda: secrets.token_hex(16)),
    }
