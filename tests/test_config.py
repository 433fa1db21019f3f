"""Configuration: one frozen value, or every problem at once; no secret has a default and danger is named."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bridge.config import IdpConfig, SpConfig, TopologyConfig, load
from bridge.errors import ConfigInvalid
from bridge.section import Section
from bridge.urls import http_url, origin

IDP = """
[service]
public_url = "https://cells.example"
database_url = "sqlite:///idp.db"
secret_files = ["secrets/seal.key"]
[cell]
id = 1
session_prefix = "cell-1"
[topology]
url = "http://topology:8300"
[saml]
entity_id = "https://cells.example/saml/metadata"
keys = "certs/idp"
[[provider]]
name = "google_oauth2"
client_id = "abc"
client_secret = "shh"
"""
SP = """
[service]
public_url = "https://cells.example"
database_url = "sqlite:///sp.db"
secret_files = ["seal.key", "/etc/cellbridge/old.key"]
[cell]
id = 2
session_prefix = "cell-2"
[topology]
file = "directory.toml"
[[trust]]
entity_id = "https://cells.example/saml/metadata"
certificates = ["certs/idp.crt"]
[[org]]
id = 42
path = "acme"
name = "Acme"
providers = ["google_oauth2", "github"]
[[org]]
id = 43
path = "globex"
name = "Globex"
providers = ["github"]
"""
TOPOLOGY = """
[service]
database_url = "sqlite:///topology.db"
directory_file = "directory.toml"
"""
WHOLE: dict[type[Section], str] = {IdpConfig: IDP, SpConfig: SP, TopologyConfig: TOPOLOGY}


class Files:
    """A folder with a configuration in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, kind: type[Section], text: str, environment: Mapping[str, str] | None = None) -> Section:
        """Load *text* as a file of *kind*."""
        path = self.folder / "service.toml"
        path.write_text(text, "utf-8")
        return load(kind, path, environment or {})

    def idp(self, text: str = IDP, environment: Mapping[str, str] | None = None) -> IdpConfig:
        """Load a legacy cell's file."""
        loaded = self.load(IdpConfig, text, environment)
        assert isinstance(loaded, IdpConfig)
        return loaded

    def sp(self, text: str = SP, environment: Mapping[str, str] | None = None) -> SpConfig:
        """Load an owning cell's file."""
        loaded = self.load(SpConfig, text, environment)
        assert isinstance(loaded, SpConfig)
        return loaded

    def problems(self, kind: type[Section], text: str, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Return the problems of a file that must not load."""
        with pytest.raises(ConfigInvalid) as refusal:
            self.load(kind, text, environment)
        assert refusal.value.code == "config.invalid"
        return refusal.value.problems


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return an empty folder for configurations."""
    return Files(tmp_path)


class TestWholeFiles:
    """A good file becomes one frozen value."""

    @pytest.mark.parametrize("kind", WHOLE)
    def test_the_smallest_file_of_each_kind_loads(self, files: Files, kind: type[Section]) -> None:
        """What the design marks as needed is all that is needed."""
        assert isinstance(files.load(kind, WHOLE[kind]), kind)

    def test_paths_start_at_the_file(self, files: Files) -> None:
        """The working directory does not matter: services start anywhere."""
        config = files.sp()
        assert config.service.secret_files == (files.folder / "seal.key", Path("/etc/cellbridge/old.key"))
        assert config.trust[0].certificates == (files.folder / "certs/idp.crt",)
        assert config.topology.file == files.folder / "directory.toml"
        assert config.service.database_url.get_secret_value() == f"sqlite:///{files.folder / 'sp.db'}"

    def test_a_configuration_cannot_be_changed(self, files: Files) -> None:
        """Nobody switches a check off at run time."""
        with pytest.raises(ValidationError):
            files.sp().second_opinion = False

    def test_safe_is_the_default(self, files: Files) -> None:
        """What is not said is the careful choice."""
        config = files.sp()
        org = config.org[0]
        assert (org.binding, org.signup, org.link_by_email, org.read_only) == ("bound", "closed", (), False)
        assert config.second_opinion
        assert config.trust[0].signed == "response"
        assert files.idp().saml.lifetime_seconds == 60

    def test_secrets_do_not_print(self, files: Files) -> None:
        """A configuration in a log or a trace shows no secret."""
        shown = repr(files.idp(IDP.replace("sqlite:///idp.db", "postgresql://u:hunter2@db/idp"), {}))
        assert "shh" not in shown
        assert "hunter2" not in shown


class TestEveryProblemAtOnce:
    """An operator mends a file once, not once a problem."""

    def test_all_problems_come_together_with_their_key_paths(self, files: Files) -> None:
        """Each problem begins with the path of its key, and none hides another."""
        text = (
            IDP.replace("id = 1", "id = 0")
            .replace('session_prefix = "cell-1"', 'session_prefix = "Cell_1"')
            .replace('keys = "certs/idp"', "lifetime_seconds = 301")
            .replace("https://cells.example", "http://cells.example")
            .replace("[saml]", "[saml]\ncolour = 1")
        )
        problems = files.problems(IdpConfig, text)
        assert sorted(problem.split(":")[0] for problem in problems) == [
            "cell.id",
            "cell.session_prefix",
            "saml.colour",
            "saml.keys",
            "saml.lifetime_seconds",
            "service.public_url",
        ]
        assert any(problem.startswith("saml.keys: is missing") for problem in problems)
        assert "saml.colour: is not a key that exists; see docs/configuration.md" in problems

    def test_an_empty_file_names_every_table_that_it_lacks(self, files: Files) -> None:
        """Nothing has a default that a deployment should choose."""
        assert set(files.problems(SpConfig, "")) == {
            f"{table}: is missing" for table in ("service", "cell", "topology", "trust", "org")
        }

    @pytest.mark.parametrize("kind", WHOLE)
    @pytest.mark.parametrize("place", ["", "[service]\n"])
    def test_an_unknown_key_is_an_error_everywhere(self, files: Files, kind: type[Section], place: str) -> None:
        """A misspelt key must not silently leave a rule at its default."""
        text = WHOLE[kind].replace(place, f"{place}pubic_url = 1\n", 1)
        assert any("pubic_url: is not a key that exists" in problem for problem in files.problems(kind, text))

    def test_a_key_of_a_list_is_found_by_its_index(self, files: Files) -> None:
        """The second organization's problem says `org.1`."""
        text = SP.replace('path = "globex"', 'path = "Globex/"')
        assert [problem.split(":")[0] for problem in files.problems(SpConfig, text)] == ["org.1.path"]

    @pytest.mark.parametrize("text", ["[service", "a = ", "\x00"])
    def test_what_is_not_toml_is_said_so(self, files: Files, text: str) -> None:
        """A broken file is one sentence, not a stack trace."""
        (problem,) = files.problems(IdpConfig, text)
        assert problem.startswith("is not TOML")

    def test_bytes_that_are_not_utf_8_are_not_toml(self, files: Files) -> None:
        """TOML is UTF-8."""
        path = files.folder / "latin.toml"
        path.write_bytes(b'a = "\xe9"')
        with pytest.raises(ConfigInvalid, match="is not TOML"):
            load(IdpConfig, path, {})

    def test_a_missing_file_is_said_so(self, tmp_path: Path) -> None:
        """The sentence names the file."""
        with pytest.raises(ConfigInvalid, match=r"absent\.toml(.|\n)*cannot be read"):
            load(IdpConfig, tmp_path / "absent.toml", {})

    def test_problems_do_not_repeat_values(self, files: Files) -> None:
        """A mistyped secret does not end in a terminal's history or a log."""
        text = IDP.replace('client_secret = "shh"', 'client_secret = ["shh-1047"]').replace(
            "sqlite:///idp.db", "mysql://u:hunter2@db/x"
        )
        problems = "\n".join(files.problems(IdpConfig, text))
        assert "shh-1047" not in problems
        assert "hunter2" not in problems


class TestEnvironment:
    """`CELLBRIDGE_SECTION__KEY` overrides a key of the file."""

    def test_a_variable_wins_over_the_file(self, files: Files) -> None:
        """Numbers, text and the list of secret files can all be given."""
        config = files.idp(
            environment={
                "CELLBRIDGE_SERVICE__BIND": "0.0.0.0:8101",
                "CELLBRIDGE_SERVICE__WORKERS": "3",
                "CELLBRIDGE_SERVICE__SECRET_FILES": "new.key,old.key",
                "CELLBRIDGE_SERVICE__DATABASE_URL": "postgresql://u:p@db/idp",
                "CELLBRIDGE_SAML__LIFETIME_SECONDS": "30",
            }
        )
        assert (config.service.bind, config.service.workers) == ("0.0.0.0:8101", 3)
        assert config.service.secret_files == (files.folder / "new.key", files.folder / "old.key")
        assert config.service.database_url.get_secret_value() == "postgresql+psycopg://u:p@db/idp"
        assert config.saml.lifetime_seconds == 30

    def test_a_table_that_the_file_lacks_can_come_from_variables(self, files: Files) -> None:
        """A whole table may live in the environment."""
        assert files.idp(environment={"CELLBRIDGE_SESSIONS__IDLE_SECONDS": "600"}).sessions.idle_seconds == 600

    def test_a_top_level_key_of_the_file_has_no_variable(self, files: Files) -> None:
        """Checks are not switched off in passing: `CELLBRIDGE_SECOND_OPINION` says nothing to anybody."""
        assert files.sp(environment={"CELLBRIDGE_SECOND_OPINION": "false"}).second_opinion

    def test_a_variable_with_an_unknown_key_is_an_error(self, files: Files) -> None:
        """A misspelt variable is refused like a misspelt key."""
        (problem,) = files.problems(IdpConfig, IDP, {"CELLBRIDGE_SERVICE__WORKRES": "3"})
        assert problem.startswith("service.workres: is not a key that exists")

    def test_a_bad_value_is_judged_like_the_files(self, files: Files) -> None:
        """Variables get no kinder reading."""
        (problem,) = files.problems(IdpConfig, IDP, {"CELLBRIDGE_SERVICE__WORKERS": "many"})
        assert problem.startswith("service.workers: ")

    @pytest.mark.parametrize("name", ["CELLBRIDGE_PROVIDER__CLIENT_ID", "CELLBRIDGE_PROVIDER__0__CLIENT_ID"])
    def test_lists_are_set_in_the_file(self, files: Files, name: str) -> None:
        """A variable cannot say which entry of a list it means, so it is refused."""
        with pytest.raises(ConfigInvalid, match="lists are set in the file") as refusal:
            files.load(IdpConfig, IDP, {name: "x"})
        assert refusal.value.source == name

    def test_other_variables_are_not_ours(self, files: Files) -> None:
        """The router's variables and everybody else's are left alone."""
        environment = {"CELLBRIDGE_LISTEN": ":8080", "PATH": "/bin", "OTHER__KEY": "1"}
        assert files.idp(environment=environment) == files.idp()


class TestSecrets:
    """Every secret comes from exactly one place."""

    @pytest.mark.parametrize("lines", ["", 'client_secret = "a"\nclient_secret_file = "secret"'])
    def test_exactly_one_of_the_secret_and_its_file(self, files: Files, lines: str) -> None:
        """None and both are refused: there is no default, and no guess which one counts."""
        (files.folder / "secret").write_text("s3cret\n")
        (problem,) = files.problems(IdpConfig, IDP.replace('client_secret = "shh"', lines))
        assert problem == "provider.0: give exactly one of client_secret and client_secret_file"

    def test_a_secret_file_is_read_without_its_line_end(self, files: Files) -> None:
        """Editors end files with a line end; it is no part of the secret."""
        (files.folder / "secret").write_text("s3cret\n")
        config = files.idp(IDP.replace('client_secret = "shh"', 'client_secret_file = "secret"'))
        assert config.provider[0].secret() == "s3cret"

    def test_sealing_secrets_have_no_default(self, files: Files) -> None:
        """A deployment names its own."""
        assert files.problems(IdpConfig, IDP.replace('secret_files = ["secrets/seal.key"]', "")) == (
            "service.secret_files: is missing",
        )
        (problem,) = files.problems(IdpConfig, IDP.replace('["secrets/seal.key"]', "[]"))
        assert problem.startswith("service.secret_files: ")

    def test_the_topologys_token_comes_from_one_place(self, files: Files) -> None:
        """The token may stand in the file or in a file of its own, and may be absent on a private network."""
        (files.folder / "token").write_text("t0ken\n")
        assert files.idp().topology.bearer_token() is None
        with_file = files.idp(IDP.replace("[saml]", 'token_file = "token"\n[saml]'))
        token = with_file.topology.bearer_token()
        assert isinstance(token, SecretStr)
        assert token.get_secret_value() == "t0ken"
        (problem,) = files.problems(IdpConfig, IDP.replace("[saml]", 'token = "t"\ntoken_file = "token"\n[saml]'))
        assert problem.startswith("topology: give at most one")


class TestDanger:
    """What is dangerous is spelled `unsafe_...` and refused where people could be hurt."""

    @pytest.mark.parametrize("public_url", ["https://cells.example", "http://localhost:8080"])
    def test_unsafe_settings_are_for_loopback_only(self, files: Files, public_url: str) -> None:
        """An unbound handoff and a provider at another address are refused unless the public URL is this machine."""
        sp = SP.replace("https://cells.example", public_url).replace(
            'name = "Acme"', 'name = "Acme"\nbinding = "unsafe_unbound"'
        )
        idp = IDP.replace("https://cells.example", public_url) + 'unsafe_base_url = "http://127.0.0.1:9000"\n'
        if public_url.startswith("http:"):
            assert files.sp(sp).org[0].binding == "unsafe_unbound"
            assert files.idp(idp).provider[0].unsafe_base_url
        else:
            (problem,) = files.problems(SpConfig, sp)
            assert "org acme: unsafe_unbound is refused" in problem
            (problem,) = files.problems(IdpConfig, idp)
            assert "unsafe_base_url is refused" in problem

    def test_unbound_has_no_harmless_name(self, files: Files) -> None:
        """`unbound` alone does not load."""
        (problem,) = files.problems(SpConfig, SP.replace('name = "Acme"', 'name = "Acme"\nbinding = "unbound"'))
        assert problem.startswith("org.0.binding: ")

    @pytest.mark.parametrize(
        "url",
        [
            "http://cells.example",
            "http://localhost.cells.example",
            "http://127.0.0.1.cells.example",
            "ftp://cells.example",
            "cells.example",
            "https://",
            "https://user:password@cells.example",
            "https://cells.example/users",
            "https://cells.example/?a=b",
            "https://cells.example/#a",
            "",
        ],
    )
    def test_the_public_url_is_an_https_origin(self, files: Files, url: str) -> None:
        """Plain HTTP is for loopback; a path, a query or credentials are no part of an origin."""
        text = IDP.replace('public_url = "https://cells.example"', f'public_url = "{url}"')
        (problem,) = files.problems(IdpConfig, text)
        assert problem.startswith("service.public_url: ")

    @pytest.mark.parametrize(
        "url", ["http://localhost:8080", "http://127.0.0.1:8080/", "http://[::1]:8080", "https://Cells.Example/"]
    )
    def test_an_origin_is_lower_case_without_a_slash(self, url: str) -> None:
        """Destinations are compared with equality, so the origin has one spelling."""
        assert origin(url) == url.lower().rstrip("/")
        assert http_url(url) == url

    @pytest.mark.parametrize(("secure", "name"), [(True, "__Host-cb-42"), (False, "cb-42")])
    def test_cookies_carry_the_host_prefix_on_https(self, files: Files, *, secure: bool, name: str) -> None:
        """Browsers refuse `__Host-` cookies over plain http, so on loopback the prefix goes."""
        public_url = "https://cells.example" if secure else "http://localhost:8080"
        service = files.sp(SP.replace("https://cells.example", public_url)).service
        assert service.secure is secure
        assert service.cookie_name("cb-42") == name


class TestRules:
    """What one key alone cannot say."""

    @pytest.mark.parametrize(
        ("kind", "old", "new", "problem"),
        [
            (SpConfig, "id = 43", "id = 42", "org id 42 stands more than once"),
            (SpConfig, 'path = "globex"', 'path = "acme"', "org path acme stands more than once"),
            (SpConfig, 'name = "Acme"', 'name = "A"\nlink_by_email = ["gitlab"]', "link_by_email names gitlab"),
            (SpConfig, 'file = "directory.toml"', "", "give exactly one of url and file"),
            (SpConfig, '["google_oauth2", "github"]', "[]", "org.0.providers"),
            (SpConfig, '["google_oauth2", "github"]', '["google_oauth2", "Git Hub"]', "org.0.providers.1"),
            (SpConfig, 'name = "Acme"', 'name = "A"\nlink_by_email = ["<github>"]', "org.0.link_by_email.0"),
            (SpConfig, "[[trust]]", 'acs_path = "/saml/acs"\n[[trust]]', "acs_path"),
            (SpConfig, '["certs/idp.crt"]', "[]", "trust.0.certificates"),
            (IdpConfig, "[saml]", '[saml]\nacs_path = "/o/{org}/{x}"', "saml.acs_path"),
            (IdpConfig, "[saml]", "[saml]\nlifetime_seconds = 9", "saml.lifetime_seconds"),
            (IdpConfig, "sqlite:///idp.db", "sqlite://", "must name a file"),
            (IdpConfig, "sqlite:///idp.db", "sqlite:///:memory:", "must name a file"),
            (IdpConfig, "sqlite:///idp.db", "mysql://db/x", "must be sqlite:///"),
            (IdpConfig, "sqlite:///idp.db", "idp.db", "must be a database URL"),
            (IdpConfig, "http://topology:8300", "http://topology:8300/v1", "topology.url"),
            (IdpConfig, "http://topology:8300", "http://topology.example:8300", "topology.url: must be https"),
            (IdpConfig, "[saml]", '[saml]\nowning_cells = ["http://cell.example:8102"]', "saml.owning_cells.0: must be https"),
            (IdpConfig, "[service]", '[service]\nbind = "8000"', "service.bind"),
            (IdpConfig, "[service]", '[service]\nbind = "127.0.0.1:70000"', "service.bind"),
            (IdpConfig, 'name = "google_oauth2"', 'name = "Google"', "provider.0.name"),
        ],
    )
    def test_a_rule_that_is_broken_is_named(self, files: Files, kind: type[Section], old: str, new: str, problem: str) -> None:
        """Each rule refuses with a sentence that says what to write instead."""
        text = WHOLE[kind].replace(old, new, 1)
        if new.startswith("acs_path"):
            text = 'acs_path = "/saml/acs"\n' + WHOLE[kind]
        found = files.problems(kind, text)
        assert any(problem in one for one in found), found

    def test_two_providers_of_one_kind_need_two_names(self, files: Files) -> None:
        """The name is part of every identity, so it is unique; `kind` says which file reads the answers."""
        second = '[[provider]]\nname = "{}"\nkind = "google_oauth2"\nclient_id = "x"\nclient_secret = "y"\n'
        config = files.idp(IDP + second.format("google_work"))
        assert [provider.provider_kind for provider in config.provider] == ["google_oauth2", "google_oauth2"]
        (problem,) = files.problems(IdpConfig, IDP + second.format("google_oauth2"))
        assert "provider name google_oauth2 stands more than once" in problem
