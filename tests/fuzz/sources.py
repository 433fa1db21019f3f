"""What mutations begin with: every vector of the corpus, and handoffs minted in every mode, each with what it truly says."""

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from lxml import etree

from bridge.identity import Email
from bridge.saml.render import render
from bridge.saml.sign import sign
from bridge.saml.trust import Signed
from bridge.saml.verify import Question
from tests.fuzz.truth import Told, assertions_told, told_by_form
from tests.saml.forge import DANA
from tests.vectors.judges import Bench
from tests.vectors.vector import Form, Vector
from tests.vectors.world import AT, FOLDER, SECRET, World, key


@dataclass(frozen=True, kw_only=True)
class Case:
    """A form to judge and by what: the endpoint of `org`, `at` a time, from a browser with the cookie `binding`.

    `told` is everything that trusted keys signed in it; nothing else may ever be accepted. `is_attack` tells where it began.
    """

    name: str
    form: Form
    org: str
    at: datetime
    binding: str | None
    told: frozenset[Told]
    is_attack: bool = False


class Judges:
    """The owning cell of the corpus."""

    def __init__(self) -> None:
        self._bench = Bench()
        self._any = Vector.read(FOLDER / "honest" / "as-minted.vector")

    @functools.cache  # noqa: B019 - a few organizations, one object for a whole run
    def _asked(self, org: str) -> Question:
        return self._bench.question(replace(self._any, org=org))

    def question(self, case: Case) -> Question:
        """Return what *case* is judged by."""
        return replace(self._asked(case.org), now=case.at, binding_secret=case.binding)

    def sources(self) -> tuple[Case, ...]:
        """Return every source: first the honest ones, then the attacks."""
        return (*self._minted(), *self._corpus("honest"), *self._corpus("attacks"))

    def _corpus(self, folder: str) -> Iterator[Case]:
        trust = self._asked("acme").trust
        for path in sorted((FOLDER / folder).glob("*.vector")):
            vector = Vector.read(path)
            told = told_by_form(vector.form, trust)
            yield Case(
                name=path.stem,
                form=vector.form,
                org=vector.org,
                at=vector.at,
                binding=vector.binding,
                told=told,
                is_attack=folder == "attacks",
            )

    def _minted(self) -> Iterator[Case]:
        names = ("rsa-2048", "rsa-3072", "ec-p256", "ec-p384")
        modes: tuple[Signed, ...] = ("response", "assertion", "both")
        plain = replace(DANA, email=Email("o_k@b.example"), name="O & <K> \u00fc", username=None)
        for mode in modes:
            for name in names if mode == "response" else names[:1]:
                for identity in (DANA, plain):
                    world = World(f"fuzz-{mode}-{name}", mode)
                    rendered = render(replace(world.handoff, identity=identity))
                    yield self._case(f"minted-{mode}-{name}", sign(rendered, key(name), signed=mode).xml, rendered.xml)

    @staticmethod
    def _case(name: str, xml: bytes, plain: str) -> Case:
        told = assertions_told(etree.fromstring(plain))
        return Case(name=name, form=form_of(xml), org="acme", at=AT, binding=SECRET, told=told)


def form_of(xml: bytes) -> Form:
    """Return the form that posts *xml*."""
    return (("SAMLResponse", base64.b64encode(xml).decode("ascii")),)
