"""The world of a demonstration pair: its cells, organizations and providers, as the files that the services read.

The law: the services see ordinary configuration files, the very ones that a deployment writes; no switch says "demo".
"""

import json
from dataclasses import dataclass
from pathlib import Path

from bridge.files import replace_file
from bridge.harness.personas import PROVIDERS

LABELS = {"google_oauth2": "Google", "github": "GitHub", "gitlab": "GitLab", "openid_connect": "Example Login"}


@dataclass(frozen=True)
class Org:
    """An organization of the demonstration: where it lives and whom it takes."""

    id: int
    path: str
    name: str
    cell: int
    signup: str

    @property
    def domain(self) -> str:
        """The email domain that the topology gives to this organization."""
        return f"{self.path}.example"


ORGS = (
    Org(42, "acme", "Acme", 2, "open"),
    Org(43, "globex", "Globex", 2, "approval"),
    Org(77, "initech", "Initech", 3, "closed"),
)
OWNING_CELLS = (2, 3)


@dataclass(frozen=True)
class Addresses:
    """Where everything listens: `host:port` each, and the two URLs that a browser sees, without a trailing slash."""

    public_url: str
    provider_url: str
    provider: str
    topology: str
    legacy: str
    owning: dict[int, str]


def write(
    directory: Path,
    at: Addresses,
    *,
    client_secrets: dict[str, str],
    token: str,
    workers: int,
    log_level: str,
    database_urls: dict[str, str],
) -> None:
    """Write `directory.toml`, `topology.toml`, `idp.toml` and `sp-<cell>.toml` into *directory*."""
    replace_file(directory / "topology.token", token.encode(), mode=0o600)
    for name, secret in client_secrets.items():
        replace_file(directory / f"{name}.secret", secret.encode(), mode=0o600)
    listen = f"workers = {workers}\nlog_level = {_toml(log_level)}\n"
    (directory / "directory.toml").write_text(_directory(at), "utf-8")
    (directory / "topology.toml").write_text(
        f"[service]\nbind = {_toml(at.topology)}\ndatabase_url = {_toml(database_urls['topology'])}\n{listen}"
        'directory_file = "directory.toml"\ntoken_file = "topology.token"\n',
        "utf-8",
    )
    (directory / "idp.toml").write_text(_idp(at, listen, database_urls["idp"]), "utf-8")
    for cell in OWNING_CELLS:
        (directory / f"sp-{cell}.toml").write_text(_sp(at, cell, listen, database_urls[f"sp-{cell}"]), "utf-8")


def _directory(at: Addresses) -> str:
    cells = [(1, at.legacy), *at.owning.items()]
    text = "".join(
        f'[[cell]]\nid = {cell}\naddress = {_toml(address)}\nsession_prefix = "cell-{cell}"\n\n' for cell, address in cells
    )
    return text + "\n".join(
        f"[[organization]]\nid = {org.id}\npath = {_toml(org.path)}\nname = {_toml(org.name)}\n"
        f"cell = {org.cell}\ndomains = [{_toml(org.domain)}]\n"
        for org in ORGS
    )


def _cell(at: Addresses, cell: int, bind: str, listen: str, database_url: str) -> str:
    return (
        f"[service]\npublic_url = {_toml(at.public_url)}\nbind = {_toml(bind)}\ndatabase_url = {_toml(database_url)}\n"
        f'{listen}secret_files = ["seal.key"]\ntries_per_minute = 1000000\n\n'
        f'[cell]\nid = {cell}\nsession_prefix = "cell-{cell}"\n\n'
        f'[topology]\nurl = {_toml("http://" + at.topology)}\ntoken_file = "topology.token"\n\n'
    )


def _idp(at: Addresses, listen: str, database_url: str) -> str:
    text = _cell(at, 1, at.legacy, listen, database_url)
    text += f'[saml]\nentity_id = {_toml(at.public_url + "/saml/metadata")}\nkeys = "certs/idp"\n'
    text += f"owning_cells = {_toml(['http://' + address for address in at.owning.values()])}\n"
    return text + _providers(at)


def _providers(at: Addresses) -> str:
    """Every cell is the same registered client: the callback's URL is one for all, and the state tells the cells apart."""
    text = ""
    for name in PROVIDERS:
        where = {"gitlab": "base_url", "openid_connect": "issuer"}.get(name, "unsafe_base_url")
        text += (
            f"\n[[provider]]\nname = {_toml(name)}\nlabel = {_toml(LABELS[name])}\nclient_id = {_toml('cellbridge-' + name)}\n"
            f"client_secret_file = {_toml(name + '.secret')}\n{where} = {_toml(at.provider_url + '/' + name)}\n"
        )
    return text


def _sp(at: Addresses, cell: int, listen: str, database_url: str) -> str:
    text = _cell(at, cell, at.owning[cell], listen, database_url)
    text += (
        f'[[trust]]\nentity_id = {_toml(at.public_url + "/saml/metadata")}\ncertificates = ["certs/idp.crt"]\n'
        f'metadata_url = {_toml(f"http://{at.legacy}/saml/metadata")}\nmetadata_file = "certs/legacy-of-{cell}.xml"\n'
        "refresh_seconds = 2\n"
    )
    for org in ORGS:
        if org.cell == cell:
            text += (
                f"\n[[org]]\nid = {org.id}\npath = {_toml(org.path)}\nname = {_toml(org.name)}\nsignup = {_toml(org.signup)}\n"
                f"providers = {_toml(PROVIDERS)}\nlink_by_email = {_toml(PROVIDERS)}\n"
                f'new_account = {{ role = "member", base_path = "/{org.path}" }}\n'
            )
    return text + _providers(at)


def _toml(value: object) -> str:
    """Write a string or a list of strings; JSON's form of both is also TOML's."""
    return json.dumps(value, ensure_ascii=True)
