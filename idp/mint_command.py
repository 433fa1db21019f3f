"""`cellbridge mint`: one signed response on stdout, for tests and support.

The law: stdout holds the response and nothing else.
"""

from datetime import datetime
from pathlib import Path

import click

from bridge.clock import utc_now
from bridge.config import IdpConfig, load
from bridge.moments import UtcTime
from idp.mint import Wanted, mint


@click.command("mint")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="The legacy cell's TOML file.")
@click.option("--org", required=True, help="The organization's path.")
@click.option("--email", required=True, help="The address; it counts as verified.")
@click.option("--provider", required=True, help="The configured name of the provider.")
@click.option("--uid", required=True, help="The person's uid at the provider.")
@click.option("--at", type=UtcTime(), help="Mint as of this time (UTC) instead of now.")
@click.option("--binding-secret", help="The cookie of the browser that may use it; without one, no browser may.")
@click.option("--xml", "as_xml", is_flag=True, help="Print the XML instead of base64.")
def command(
    *,
    config_path: Path,
    org: str,
    email: str,
    provider: str,
    uid: str,
    at: datetime | None,
    binding_secret: str | None,
    as_xml: bool,
) -> None:
    """Print one signed response, made as a sign-in would make it."""
    wanted = Wanted(org_path=org, email=email, provider=provider, uid=uid, at=at or utc_now(), binding_secret=binding_secret)
    response = mint(load(IdpConfig, config_path), wanted)
    click.echo(response.xml if as_xml else response.base64)
