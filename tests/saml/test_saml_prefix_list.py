"""The PrefixList of exclusive canonical form: names of prefixes, and the token #default (xml-exc-c14n 4)."""

import threading

import pytest

from bridge.saml.xml import canonical, parse


def in_a_new_thread(xml: bytes, prefixes: list[str]) -> bytes:
    """Return the canonical form as a thread makes it that has read no other document before."""
    made: list[bytes] = []
    thread = threading.Thread(target=lambda: made.append(canonical(parse(xml), prefixes)))
    thread.start()
    thread.join()
    (form,) = made
    return form


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (b'<a:r xmlns:a="urn:a" xmlns="urn:d"/>', b'<a:r xmlns="urn:d" xmlns:a="urn:a"></a:r>'),
        (b'<a:r xmlns:a="urn:a"><a:c xmlns="urn:d"/></a:r>', b'<a:r xmlns:a="urn:a"><a:c xmlns="urn:d"></a:c></a:r>'),
        (b'<a:r xmlns:a="urn:a"><a:c/></a:r>', b'<a:r xmlns:a="urn:a"><a:c></a:c></a:r>'),
        (b'<r xmlns="urn:d"><c xmlns=""/></r>', b'<r xmlns="urn:d"><c xmlns=""></c></r>'),
    ],
)
def test_the_token_keeps_a_default_namespace_that_no_name_uses(xml: bytes, expected: bytes) -> None:
    """What #default covers is part of what was signed, in every thread, whatever it has read before."""
    assert in_a_new_thread(xml, ["xs", "#default"]) == expected


def test_without_the_token_a_default_namespace_that_no_name_uses_is_left_out() -> None:
    """Exclusive means that a declaration counts where its prefix is used, and nowhere else."""
    assert in_a_new_thread(b'<a:r xmlns:a="urn:a" xmlns="urn:d"/>', ["xs"]) == b'<a:r xmlns:a="urn:a"></a:r>'
