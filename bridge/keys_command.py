"""`cellbridge keys`: make, list, promote and retire the signing keys of the legacy cell.

The law: with `--json` stdout holds JSON objects and nothing else, one a line; no private key is ever printed.
"""

import json
from datetime import datetime
from pathlib import Path

import click

from bridge.clock import utc_now
from bridge.config import IdpConfig, load
from bridge.errors import ConfigInvalid
from bridge.keys import KeyRing, SigningKey, create_key
from bridge.rotation import promote, retire, retire_from

DIRECTORY = click.Path(path_type=Path, file_okay=False)
Directory = click.option("--dir", "directory", type=DIRECTORY, required=True, help="Where key pairs live.")
AsJson = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group("keys")
def command() -> None:
    """Make, list and roll the signing keys of the legacy cell."""


@command.command("new")
@Directory
@click.option(
    "--algorithm", type=click.Choice(["rsa-2048", "rsa-3072", "ec-p256", "ec-p384"]), default="rsa-2048", show_default=True
)
@click.option("--days", type=click.IntRange(1, 3650), default=730, show_default=True, help="How long the certificate is valid.")
@click.option("--if-missing", is_flag=True, help="Do nothing where a key exists.")
@AsJson
def keys_new(*, directory: Path, algorithm: str, days: int, if_missing: bool, as_json: bool) -> None:
    """Make a key pair: active if it is the first, else next."""
    if if_missing and directory.is_dir() and any(directory.glob("*.crt")):
        key = KeyRing.load(directory).active
        _say(key, f"{directory}: key {key.fingerprint[:16]} is there", as_json=as_json)
        return
    key = create_key(directory, algorithm=algorithm, now=utc_now(), days=days)  # type: ignore[arg-type]  # click checked it
    _say(key, f"{directory}: made {algorithm} key {key.fingerprint[:16]}, {key.state}", as_json=as_json)


@command.command("list")
@Directory
@AsJson
def keys_list(*, directory: Path, as_json: bool) -> None:
    """List the key pairs: state, fingerprint (SHA-256), end of validity (UTC)."""
    for key in KeyRing.load(directory).keys:
        text = f"{key.state:8} {key.fingerprint}  valid until {_utc(key.certificate.not_valid_after_utc)}"
        if key.state == "retired":
            text += f", may go from {_utc(retire_from(key))} on"
        _say(key, text, as_json=as_json)


@command.command("promote")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="The legacy cell's TOML file, for all the rest.")
@click.option("--dir", "directory", type=DIRECTORY, help="Where key pairs live.")
@click.option("--issuer", help="The legacy cell's entity ID, as the owning cells know it.")
@click.option(
    "--cell", "cells", multiple=True, metavar="URL", help="An owning cell's own address, besides the configured ones."
)
@click.option("--key", default="", help="The beginning of a fingerprint, where several keys are next.")
@click.option("--encryption", is_flag=True, help="With --dir: an organization's keys, which sign nothing, so no cell is asked.")
@click.option("--unsafe-force", is_flag=True, help="Promote although cells do not trust the key: their people cannot sign in.")
@AsJson
def keys_promote(
    *,
    config_path: Path | None,
    directory: Path | None,
    issuer: str | None,
    cells: tuple[str, ...],
    key: str,
    encryption: bool,
    unsafe_force: bool,
    as_json: bool,
) -> None:
    """Make the next key active, once every owning cell trusts its certificate; what was active retires."""
    if encryption:
        if directory is None or config_path is not None or issuer is not None or cells:
            raise click.UsageError("--encryption goes with --dir alone")
        issuer = ""
    elif config_path is not None:
        if directory is not None or issuer is not None:
            raise click.UsageError("give either --config, or --dir and --issuer")
        saml = load(IdpConfig, config_path).saml
        if saml.keys is None:
            raise ConfigInvalid(
                source=str(config_path), problems=("saml.keys: is not set, so the key is rolled where it is kept",)
            )
        directory, issuer, cells = saml.keys, saml.entity_id, (*saml.owning_cells, *cells)
    if directory is None or issuer is None:
        raise click.UsageError("give either --config, or --dir and --issuer")
    # Every key of an organization opens, whatever its state, so this step can lock nobody out.
    done = promote(directory, issuer=issuer, cells=cells, clock=utc_now, key=key, unsafe_force=unsafe_force or encryption)
    overridden = [] if encryption else list(done.overridden)
    for reason in overridden:
        click.echo(f"forced over: {reason}", err=True)
    _say(done.active, f"{directory}: {done.active.fingerprint[:16]} is active", as_json=as_json, forced_over=overridden)
    until = _utc(retire_from(done.retired))
    text = (
        f"{directory}: {done.retired.fingerprint[:16]} is retired and stays published; keys retire removes it from {until} on"
    )
    _say(done.retired, text, as_json=as_json)


@command.command("retire")
@Directory
@AsJson
def keys_retire(*, directory: Path, as_json: bool) -> None:
    """Remove the retired pairs whose last handoff can no longer be accepted: from the metadata and from the disk."""
    for key in retire(directory, now=utc_now()):
        _say(key, f"{directory}: {key.fingerprint[:16]} is gone", as_json=as_json)


def _say(key: SigningKey, text: str, *, as_json: bool, **more: object) -> None:
    if not as_json:
        click.echo(text)
        return
    told = {"state": key.state, "fingerprint": key.fingerprint, "not_valid_after": _utc(key.certificate.not_valid_after_utc)}
    if key.state == "retired":
        told["retire_from"] = _utc(retire_from(key))
    click.echo(json.dumps({**told, **more}))


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
