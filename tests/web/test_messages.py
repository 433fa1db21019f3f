"""The sentences of a refusal: labels, languages, and what stays out of them."""

from bridge.errors import AccountBlocked, ProviderUnavailable
from bridge.web.language import LANGUAGES
from bridge.web.messages import Labels, gettext, ngettext, sentences

DE, ZH = LANGUAGES["de"], LANGUAGES["zh"]


def test_english_is_there_without_a_catalogue_or_a_request() -> None:
    """English sentences are the message ids themselves, and what nobody asked for in a language is English."""
    assert gettext("Sign in") == "Sign in"
    assert ngettext("%(num)d try", "%(num)d tries", 2) == "%(num)d tries"


def test_a_label_is_no_template() -> None:
    """What stands in a label is never read as a placeholder, and a label that begins in lower case stays as it is."""
    labels = Labels(providers={"x": "eXample {org}"}, orgs={"acme": "Acme"})
    assert (
        sentences(ProviderUnavailable(provider="x"), labels=labels, reference="R")[0]
        == "eXample {org} did not answer properly."
    )
    happened, _ = sentences(AccountBlocked(org="acme", provider="x", rule=1), labels=labels, reference="R")
    assert happened == "Your account in Acme is blocked."


def test_what_has_no_label_is_named_in_the_language_of_the_sentence() -> None:
    """A provider or organization that is not configured has a name that fits the grammar, in every language."""
    unknown = ProviderUnavailable(provider="x")
    assert (
        sentences(unknown, labels=Labels(), reference="R", language=DE)[0]
        == "Von diesem Anbieter kam keine brauchbare Antwort."
    )
    assert sentences(unknown, labels=Labels(), reference="R", language=ZH)[0] == "该登录服务没有正常响应。"
    blocked = AccountBlocked(org="x", provider="x", rule=1)
    assert (
        sentences(blocked, labels=Labels(), reference="R", language=DE)[0] == "Ihr Konto bei Ihrer Organisation ist gesperrt."
    )
