"""The eight classic forms of signature wrapping (Somorovsky et al., USENIX Security 2012), each as an edit of a signed tree.

In each a good signature is kept somewhere, and a forged assertion stands where a careless reader looks.
"""

import copy
from collections.abc import Callable

from lxml import etree

from bridge.saml import names
from tests.saml.forge import Element, attribute, one

SAMLP = f"{{{names.SAMLP}}}"
DS = f"{{{names.DS}}}"
EVIL = "evil@acme.example"
Wrap = Callable[[Element], Element]


def forged(root: Element, *, new_id: str | None = "_evil") -> Element:
    """Return a copy of the whole *root* or assertion with the attacker's email and another ID, without signatures."""
    copied = copy.deepcopy(root)
    copied.tail = None
    for signature in list(copied.iter(names.SIGNATURE)):
        parent = signature.getparent()
        assert parent is not None
        parent.remove(signature)
    attribute(copied, "email").text = EVIL
    if new_id:
        copied.set("ID", new_id)
    return copied


def assertion_of(root: Element) -> Element:
    """Return the assertion in *root*."""
    return one(root, "/p:Response/a:Assertion")


def bare(element: Element) -> Element:
    """Return a copy of *element* without its own signature."""
    copied = copy.deepcopy(element)
    copied.tail = None
    copied.remove(one(copied, "d:Signature"))
    return copied


def xsw1(root: Element) -> Element:
    """The forged Response holds the signature, which holds a copy of the original Response."""
    evil = forged(root)
    signature = copy.deepcopy(one(root, "d:Signature"))
    signature.append(bare(root))
    evil.insert(1, signature)
    return evil


def xsw2(root: Element) -> Element:
    """As the first, with the signature detached: the original stands beside it."""
    evil = forged(root)
    evil.insert(1, copy.deepcopy(one(root, "d:Signature")))
    evil.insert(2, bare(root))
    return evil


def xsw3(root: Element) -> Element:
    """A forged assertion stands before the signed one."""
    root.insert(list(root).index(assertion_of(root)), forged(assertion_of(root)))
    return root


def xsw4(root: Element) -> Element:
    """The signed assertion is a child of the forged one."""
    original = assertion_of(root)
    evil = forged(original)
    root.replace(original, evil)
    evil.append(original)
    return root


def xsw5(root: Element) -> Element:
    """The forged assertion carries the signature; the original, bare, comes last."""
    original = assertion_of(root)
    evil = forged(original)
    evil.insert(1, copy.deepcopy(one(original, "d:Signature")))
    root.replace(original, evil)
    root.append(bare(original))
    return root


def xsw6(root: Element) -> Element:
    """The forged assertion carries the signature, which holds the bare original."""
    original = assertion_of(root)
    evil = forged(original)
    signature = copy.deepcopy(one(original, "d:Signature"))
    signature.append(bare(original))
    evil.insert(1, signature)
    root.replace(original, evil)
    return root


def xsw7(root: Element) -> Element:
    """A forged assertion hides in Extensions, which the schema lets hold anything."""
    extensions = etree.Element(f"{SAMLP}Extensions")
    extensions.append(forged(assertion_of(root)))
    root.insert(1, extensions)
    return root


def xsw8(root: Element) -> Element:
    """The bare original hides in an Object of the signature that the forged assertion carries."""
    original = assertion_of(root)
    evil = forged(original)
    signature = copy.deepcopy(one(original, "d:Signature"))
    etree.SubElement(signature, f"{DS}Object").append(bare(original))
    evil.insert(1, signature)
    root.replace(original, evil)
    return root


def same_id(root: Element) -> Element:
    """A forged assertion with the very ID of the signed one."""
    root.append(forged(assertion_of(root), new_id=None))
    return root


def hidden_in(path: str) -> Wrap:
    """Return the wrap that puts a forged assertion into the element at *path*."""

    def wrap(root: Element) -> Element:
        one(root, path).append(forged(assertion_of(root)))
        return root

    return wrap
