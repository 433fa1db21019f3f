"""`cellbridge doctor`: test a live pair from outside.

The law: without `--test-org` nothing is changed anywhere; with `--json` stdout holds one JSON object a line for each check and
nothing else; no secret, document or cookie is ever printed.
"""

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.clock import utc_now
from bridge.doctor.checks import Result, examine, exit_code
from bridge.doctor.seen import Seen, Target, look
from bridge.doctor.tried import Pen, Shop, try_handoffs
from bridge.doctor.wire import Wire
from bridge.errors import BridgeError
from bridge.handoff import OrgRoute, check_org_path
from bridge.identity import Email, IdentityKey
from bridge.inspect.text import shown
from bridge.keys import KeyRing
from bridge.secret_file import read_secret
from bridge.urls import DEFAULT_ACS_PATH, acs_template, org_route, origin, service_url
from bridge.web.cookies import BINDING

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+")
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


class Checked(click.ParamType[str]):
    """Text that a function of ours accepts."""

    def __init__(self, name: str, accept: Callable[[str], object]) -> None:
        self.name = name
        self._accept = accept

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, with a slash at its end taken away."""
        text = str(value).rstrip("/")
        try:
            self._accept(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return text


def _inside(value: str) -> str:
    """Return *value* if it is the address of a service of ours, where its token may travel; raises `ValueError`."""
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must be an address, such as http://10.0.0.2:8101, without a path")
    return service_url(value)


Public = Checked("url", origin)
Inside = Checked("url", _inside)
OrgPath = Checked("path", check_org_path)


@click.command("doctor")
@click.option("--public", "public_url", type=Public, required=True, help="The one origin that browsers see.")
@click.option("--org", "orgs", type=OrgPath, multiple=True, required=True, help="An organization's path; may be given again.")
@click.option("--idp", "legacy", type=Inside, help="The legacy cell's own address, for its readiness.")
@click.option("--sp", "owning", type=Inside, multiple=True, help="The owning cell's own address; again for each replica.")
@click.option("--topology", type=Inside, help="The Topology Service's address.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="The topology's bearer token.")
@click.option("--entity-id", help="The legacy cell's entity ID.  [default: PUBLIC/saml/metadata]")
@click.option(
    "--acs-path",
    type=Checked("path", acs_template),
    default=DEFAULT_ACS_PATH,
    show_default=True,
    help="As the cells' acs_path.",
)
@click.option(
    "--authority", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificates to check https by."
)
@click.option("--test-org", type=OrgPath, help="Try handoffs in this organization: one account appears there.")
@click.option("--test-org-id", type=click.IntRange(1), help="Its id, where the topology is not asked.")
@click.option("--test-key", type=click.Path(path_type=Path, file_okay=False), help="The folder of the test key.")
@click.option("--test-issuer", help="The entity ID of the test key's [[trust]].  [default: PUBLIC/doctor]")
@click.option(
    "--test-provider", default="doctor", show_default=True, help="The provider that only the test organization names."
)
@click.option("--test-email", default="doctor@cellbridge.invalid", show_default=True, help="Whom the test handoffs are about.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each check.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    public_url: str,
    orgs: tuple[str, ...],
    legacy: str | None,
    owning: tuple[str, ...],
    topology: str | None,
    token_file: Path | None,
    entity_id: str | None,
    acs_path: str,
    authority: Path | None,
    test_org: str | None,
    test_org_id: int | None,
    test_key: Path | None,
    test_issuer: str | None,
    test_provider: str,
    test_email: str,
    as_json: bool,
) -> None:
    """Test a live pair from outside: exit 0 if nothing failed, 1 if a check did, 2 if nobody answers."""
    if (test_org is None) != (test_key is None):
        raise click.UsageError("--test-org and --test-key belong together")
    target = Target(
        public_url=public_url,
        orgs=tuple(dict.fromkeys((*orgs, *([test_org] if test_org else [])))),
        issuer=entity_id or f"{public_url}/saml/metadata",
        acs_path=acs_path,
        legacy=legacy,
        owning=owning,
        topology=topology,
        topology_token=_token(token_file),
    )
    wire = Wire(utc_now, authority)
    pen = None if test_key is None else _pen(test_key, test_issuer or f"{public_url}/doctor", test_provider, test_email)
    seen = look(target, wire)
    if test_org is None or pen is None:
        seen = replace(seen, untried="no test organization is named")
    else:
        seen = _try(seen, wire, pen, test_org, test_org_id)
    results = examine(seen)
    code = exit_code(seen, results)
    if as_json:
        for result in results:
            click.echo(json.dumps(result.as_json()))
    else:
        _print(results)
    ctx.exit(code)


def _token(path: Path | None) -> str | None:
    try:
        return None if path is None else read_secret(path).get_secret_value()
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _pen(folder: Path, issuer: str, provider: str, email: str) -> Pen:
    try:
        IdentityKey(provider, "any")
        return Pen(key=KeyRing.load(folder).active, issuer=issuer, provider=provider, email=Email(email), clock=utc_now)
    except (BridgeError, ValueError) as error:
        raise click.UsageError(str(error)) from error


def _try(seen: Seen, wire: Wire, pen: Pen, org: str, org_id: int | None) -> Seen:
    """Return *seen* with what came of the test handoffs, or why there were none."""
    target = seen.target
    routes = {path: route for path in target.orgs if (route := _route(seen, path, org_id if path == org else None))}
    if org not in routes:
        return replace(seen, untried=f"the id of {org} is not known: give --test-org-id or --topology URL")
    if not seen.sign_in.status:
        return replace(seen, untried="nobody answers at the public URL")
    shop = Shop(
        wire=wire,
        public_url=target.public_url,
        owning=target.owning,
        binding_cookie=target.cookie_name(BINDING),
        secret=secrets.token_urlsafe(32),
    )
    here = routes.pop(org)
    return replace(seen, tried=try_handoffs(pen, here, shop, routes))


def _route(seen: Seen, org: str, org_id: int | None) -> OrgRoute | None:
    """Return how handoffs to *org* are addressed, None where its id is not known or its endpoint is not ours."""
    place = seen.orgs[org].place
    if place is not None and place.acs_url is not None:
        return None
    found = org_id if place is None else place.org_id
    if found is None:
        return None
    target = seen.target
    cell_id = 1 if place is None else place.cell_id  # no part of a handoff
    return org_route(public_url=target.public_url, org_id=found, org_path=org, cell_id=cell_id, acs_path=target.acs_path)


def _print(results: Sequence[Result]) -> None:
    table = Table("", "check", "outcome", "found", header_style="bold")
    table.columns[0].justify = "right"
    for check, finding in results:
        found = Text(shown(finding.found))
        if finding.outcome in ("warn", "fail"):
            found.append(f"\nexpected: {shown(finding.expected)}", "dim")
        if finding.advice:
            found.append(f"\n{shown(finding.advice)}")
        table.add_row(str(check.number), Text(check.title), Text(finding.outcome, STYLES[finding.outcome]), found)
    console = Console()
    console.print(table)
    counts = {name: sum(result.finding.outcome == name for result in results) for name in STYLES}
    console.print(Text(", ".join(f"{count} {name}" for name, count in counts.items())))
