"""`docs/providers.md` and `docs/adding-a-provider.md` are true: what they say of a kind is what its class does."""

import json
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bridge.errors import ProviderBadReply
from bridge.oauth.callback import Callback
from bridge.oauth.client import ProviderHttp
from bridge.oauth.provider import NEVER, OAuthProvider
from bridge.oauth.providers import PROVIDERS, problems_of
from bridge.sections import ProviderConfig
from bridge.web.icons import glyph
from tests.oauth.loopback import LoopbackProvider
from tests.oauth.replay import CASES, answers, as_json, outcome_of
from tests.oauth.samples import REDIRECT_URI, Clock, begin, config

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "providers.md").read_text("utf-8")
GUIDE = (DOCS / "adding-a-provider.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"(?ms)^## `(\w+)`\n(.+?)(?=^## )", PAGE))
BULLETS = ("Create", "Scopes", "Verified", "Uid", "Goes wrong", "Places")

every_kind = pytest.mark.parametrize("kind", PROVIDERS)


def bullet(kind: str, name: str) -> str:
    """Return what the section of *kind* says under *name*, on one line."""
    [found] = re.findall(rf"(?ms)^- {name}: (.+?)(?=^- |^```|^$)", SECTIONS[kind])
    return " ".join(found.split())


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks in *language*."""
    return re.findall(rf"(?ms)^```{language}\n(.+?)^```", text)


def tables(kind: str) -> list[dict[str, Any]]:
    """Return every `[[provider]]` in the section of *kind*."""
    return [table for block in blocks(SECTIONS[kind], "toml") for table in tomllib.loads(block)["provider"]]


def class_of(kind: str) -> type[OAuthProvider]:
    """Return the class of *kind*."""
    found = PROVIDERS[kind]
    assert isinstance(found, type)
    assert issubclass(found, OAuthProvider)
    return found


def test_every_kind_has_its_section_and_no_section_is_left_over() -> None:
    """A kind that is not told of is not found; one that is told of and gone would be looked for."""
    assert set(SECTIONS) == set(PROVIDERS)


@every_kind
class TestSection:
    """What stands in the section of a kind."""

    def test_it_tells_everything(self, kind: str) -> None:
        """What to create, what is asked for, when an address counts, who somebody is, what goes wrong, where it is."""
        assert all(bullet(kind, name) for name in BULLETS)

    def test_its_configuration_can_be_copied(self, kind: str, tmp_path: Path) -> None:
        """Each example is of this kind and has nothing to complain about."""
        assert tables(kind)
        for table in tables(kind):
            found = ProviderConfig.model_validate(table, context={"base": tmp_path})
            assert found.provider_kind == kind
            assert problems_of(found) == []

    def test_every_key_that_a_kind_takes_is_told_of(self, kind: str) -> None:
        """In an example or in the text: nobody has to guess from the list of all keys."""
        takes = class_of(kind).takes | class_of(kind).needs
        assert [key for key in sorted(takes) if not re.search(rf"(?m)`{key}\b|^{key} =", SECTIONS[kind])] == []

    def test_its_scopes_are_the_ones_asked_for(self, kind: str) -> None:
        """The console has to allow exactly these."""
        scopes = class_of(kind).scopes
        assert bullet(kind, "Scopes").startswith(f"`{' '.join(scopes)}`" if scopes else "none")

    def test_its_rules_are_the_ones_in_evidence(self, kind: str) -> None:
        """Under every rule by which a fixture of this kind was judged, or never."""
        cases = (outcome_of(case, ".identity.json") for case in CASES if case.parent.name == kind)
        used = {json.loads(case.read_text("utf-8"))["email_evidence"] for case in cases if case.exists()} - {"none"}
        text = bullet(kind, "Verified")
        assert all(f"`{rule}`" in text for rule in used)
        assert text.startswith("never") is not bool(used)

    def test_it_has_a_glyph_of_its_own(self, kind: str) -> None:
        """A button without one would show a person."""
        assert glyph(kind) != glyph("nobody")


def test_the_configured_rules_are_told() -> None:
    """What overrules a provider is told for all of them at once."""
    assert '`email_evidence = "never"`' in PAGE
    assert "`unsafe_email_verified = true`" in PAGE
    assert not NEVER.verified


class TestGuide:
    """`docs/adding-a-provider.md`: its example is a provider."""

    @pytest.fixture
    def example(self) -> Any:
        """Return the class that the page's file defines."""
        source = blocks(GUIDE, "python")[0]
        module = ModuleType("gitea_of_the_guide")
        sys.modules[module.__name__] = module
        exec(compile(source, "adding-a-provider.md", "exec"), module.__dict__)  # noqa: S102 - our own page
        yield module.__dict__["Gitea"]
        del sys.modules[module.__name__]

    def test_it_is_short(self) -> None:
        """A provider is under sixty lines, its docstrings included."""
        assert len(blocks(GUIDE, "python")[0].splitlines()) < 60

    def test_its_pair_holds(self, example: Any, provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> None:
        """The response of the page becomes the identity of the page, through the flow that every provider goes through."""
        response, identity = (json.loads(block) for block in blocks(GUIDE, "json"))
        answers(provider, "gitea", response)
        one = example(config("gitea", name="gitea", unsafe_base_url=provider.url), http=http, clock=clock)
        assert as_json(one.identify(Callback("c"), begin(), REDIRECT_URI)) == identity

    def test_its_refusal_is_a_refusal(self, example: Any, provider: LoopbackProvider, http: ProviderHttp, clock: Clock) -> None:
        """The page's words on a wrong field are the ones of the log."""
        response = json.loads(blocks(GUIDE, "json")[0])
        response["replies"]["GET /api/v1/user"]["json"]["id"] = "7"
        answers(provider, "gitea", response)
        one = example(config("gitea", name="gitea", unsafe_base_url=provider.url), http=http, clock=clock)
        with pytest.raises(ProviderBadReply) as refused:
            one.identify(Callback("c"), begin(), REDIRECT_URI)
        assert json.dumps({"code": refused.value.code, "reason": refused.value.reason}) in GUIDE
