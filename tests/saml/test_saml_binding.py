"""Check 16 under each binding mode: what passes, what passes as to be confirmed, what is refused."""

from dataclasses import replace

import pytest

from bridge.errors import HandoffUnbound
from bridge.saml.trust import Binding
from tests.saml.forge import ENDPOINT, SECRET, Forge

OTHER = [None, "", "another browser's", SECRET + " ", "\ud800"]


@pytest.mark.parametrize("binding", ["bound", "confirm", "unsafe_unbound"])
def test_the_browser_that_started_needs_no_question(forge: Forge, binding: Binding) -> None:
    """With the fitting cookie every mode lets the handoff through, and nobody has to be asked."""
    verified = forge.judge(forge.minted(), endpoint=replace(ENDPOINT, binding=binding), secret=SECRET)
    assert not verified.to_be_confirmed


@pytest.mark.parametrize("secret", OTHER)
def test_confirm_lets_any_browser_through_to_the_question_only(forge: Forge, secret: str | None) -> None:
    """Without the fitting cookie the verdict itself says that somebody has to be asked."""
    confirming = replace(ENDPOINT, binding="confirm")
    assert forge.judge(forge.minted(), endpoint=confirming, secret=secret).to_be_confirmed


@pytest.mark.parametrize("secret", OTHER)
def test_bound_asks_nobody(forge: Forge, secret: str | None) -> None:
    """The strict mode refuses, as ever."""
    with pytest.raises(HandoffUnbound):
        forge.judge(forge.minted(), secret=secret)


@pytest.mark.parametrize("secret", OTHER)
def test_unsafe_unbound_asks_nobody_either(forge: Forge, secret: str | None) -> None:
    """It takes anybody's handoff without a word: hence its name."""
    unbound = replace(ENDPOINT, binding="unsafe_unbound")
    assert not forge.judge(forge.minted(), endpoint=unbound, secret=secret).to_be_confirmed
