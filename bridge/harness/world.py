"""The world of a demonstration pair: its cells, organizations and providers, as the files that the services read.

The law: the services see ordinary configuration files, the very ones that a deployment writes; no switch says "demo".
"""

import json
from dataclasses import dataclass
from pathlib import Path

from bridge.files import replace_file
from bridge.harness.personas import PROVIDERS
from bridge.harness.uids import MICROSOFT_TENANT

LABELS = {
    "google_oauth2": "Google",
    "github": "GitHub",
    "gitlab": "GitLab",
    "bitbucket": "Bitbucket",
    "microsoft": "Microsoft",
    "salesforce": "Salesforce",
    "slack": "Slack",
    "atlassian_oauth2": "Atlassian",
    "dingtalk": "DingTalk",
    "alicloud": "Alibaba Cloud",
    "casdoor": "Casdoor",
    "authentik": "authentik",
    "openid_connect": "Example Login",
    "oauth2": "Example Forum",
}


@dataclass(frozen=True)
class Org:
    """An organization of the demonstration: where it lives and whom it takes."""

    id: int
    path: str
    name: str
    cell: int
    signup: str
    without_email: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        """The email domain that the topology gives to this organization."""
        return f"{self.path}.example"


ORGS = (
    Org(42, "acme", "Acme", 2, "open", ("alicloud", "dingtalk")),
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


def seal_file(cell: int) -> str:
    """Return the name of the sealing secret of *cell*: each has its own, as cells of a deployment do."""
    return "seal.key" if cell == 1 else f"seal-{cell}.key"


def _cell(at: Addresses, cell: int, bind: str, listen: str, database_url: str) -> str:
    return (
        f"[service]\npublic_url = {_toml(at.public_url)}\nbind = {_toml(bind)}\ndatabase_url = {_toml(database_url)}\n"
        f"{listen}secret_files = [{_toml(seal_file(cell))}]\n"
        f"tries_per_minute = 1000000\n\n"
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
        text += (
            f"\n[[provider]]\nname = {_toml(name)}\nlabel = {_toml(LABELS[name])}\nclient_id = {_toml('cellbridge-' + name)}\n"
            f"client_secret_file = {_toml(name + '.secret')}\n"
        )
        text += "".join(f"{key} = {value}\n" for key, value in _place(name, f"{at.provider_url}/{name}").items())
    return text


def _place(name: str, base_url: str) -> dict[str, str]:
    """Return where the stand-in of a provider is, and what else its kind needs, as keys and their TOML."""
    base = _toml(base_url)
    match name:
        case "gitlab" | "casdoor":
            return {"base_url": base}
        case "authentik":
            return {"base_url": base, "application": _toml("cellbridge")}
        case "microsoft":
            return {"unsafe_base_url": base, "tenant": _toml("organizations"), "allowed_tenants": _toml([MICROSOFT_TENANT])}
        case "openid_connect":
            return {"issuer": base}
        case "oauth2":
            ends = {"authorization_url": "authorize", "token_url": "token", "userinfo_url": "me"}
            paths = {"uid": "user.id", "email": "user.mail.address", "email_verified": "user.mail.confirmed"}
            paths |= {"name": "user.profile.full_name", "username": "user.login", "avatar_url": "user.profile.picture"}
            fields = ", ".join(f"{field} = {_toml(path)}" for field, path in paths.items())
            places = {key: _toml(f"{base_url}/{end}") for key, end in ends.items()}
            return {**places, "scopes": _toml(["profile"]), "fields": f"{{ {fields} }}"}
    return {"unsafe_base_url": base}


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
                f"signup_without_email = {_toml(org.without_email)}\n"
                f'new_account = {{ role = "member", base_path = "/{org.path}" }}\n'
            )
    return text + _providers(at)


def _toml(value: object) -> str:
    """Write a string or a list of strings; JSON's form of both is also TOML's."""
    return json.dumps(value, ensure_ascii=True)
