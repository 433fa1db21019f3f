"""Signed by the trusted issuer, and not for now, or for too long."""

from collections.abc import Callable

from tests.saml.forge import Edit, all_of, cut, drop, put
from tests.vectors.recipes.case import Case
from tests.vectors.recipes.conditions import ASSERTION, CONDITIONS, DATA, SCHEMA
from tests.vectors.world import World


def _moved(seconds: float) -> Callable[[World], Edit]:
    """Return the edit that issues the handoff so many *seconds* from now."""

    def edit_in(world: World) -> Edit:
        return all_of(
            *(put(path, "IssueInstant", world.time(seconds)) for path in ("/p:Response", "/p:Response/a:Assertion")),
            put("//a:AuthnStatement", "AuthnInstant", world.time(seconds)),
            put("//a:Conditions", "NotBefore", world.time(seconds)),
            put("//a:Conditions", "NotOnOrAfter", world.time(seconds + 60)),
            put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(seconds + 60)),
        )

    return edit_in


def _timed(name: str, because: str, expect: str, edit: Callable[[World], Edit], node: str) -> Case:
    return Case(
        name=f"time-{name}",
        because=because,
        build=lambda world: world.signed(edit(world)),
        threat=31,
        expect=f"handoff.{expect}",
        node=node,
    )


def _spelled(
    name: str,
    because: str,
    spell: Callable[[str], str],
    node: str = CONDITIONS,
    path: str = "//a:Conditions",
    attribute: str = "NotOnOrAfter",
    expect: str = "lifetime",
) -> Case:
    return _timed(name, because, expect, lambda world: put(path, attribute, spell(world.time(50))), node)


_TIMES = [
    _timed("expired", "Issued two minutes ago, for one.", "expired", _moved(-120), CONDITIONS),
    _timed("expired-long-ago", "A document of last year.", "expired", _moved(-365 * 86400), CONDITIONS),
    _timed(
        "confirmation-expired",
        "The confirmation is over, though the conditions are not.",
        "expired",
        lambda world: all_of(_moved(-120)(world), put("//a:Conditions", "NotOnOrAfter", world.time(60))),
        DATA,
    ),
    _timed(
        "conditions-expired",
        "The conditions are over, though the confirmation is not.",
        "expired",
        lambda world: all_of(_moved(-120)(world), put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(60))),
        CONDITIONS,
    ),
    _timed(
        "session-over",
        "The session at the provider is over.",
        "expired",
        lambda world: put("//a:AuthnStatement", "SessionNotOnOrAfter", world.time(-60)),
        f"{ASSERTION}/AuthnStatement",
    ),
    _timed("not-yet", "Issued in the future.", "not_yet_valid", _moved(120), ASSERTION),
    _timed(
        "conditions-not-yet",
        "The conditions begin in the future.",
        "not_yet_valid",
        lambda world: put("//a:Conditions", "NotBefore", world.time(45)),
        CONDITIONS,
    ),
    _timed(
        "confirmation-not-yet",
        "The confirmation begins in the future.",
        "not_yet_valid",
        lambda world: put("//a:SubjectConfirmationData", "NotBefore", world.time(45)),
        DATA,
    ),
    _timed(
        "signed-in-in-the-future",
        "The person signed in in the future.",
        "not_yet_valid",
        lambda world: put("//a:AuthnStatement", "AuthnInstant", world.time(45)),
        f"{ASSERTION}/AuthnStatement",
    ),
    _timed(
        "sent-in-the-future",
        "The Response was sent in the future.",
        "not_yet_valid",
        lambda world: put("/p:Response", "IssueInstant", world.time(45)),
        "Response",
    ),
    _timed(
        "conditions-endless",
        "The conditions have no end.",
        "lifetime",
        lambda _world: drop("//a:Conditions", "NotOnOrAfter"),
        CONDITIONS,
    ),
    _timed(
        "confirmation-endless",
        "The confirmation has no end.",
        "lifetime",
        lambda _world: drop("//a:SubjectConfirmationData", "NotOnOrAfter"),
        DATA,
    ),
    _timed(
        "too-long",
        "Good for five minutes and a second.",
        "lifetime",
        lambda world: put("//a:Conditions", "NotOnOrAfter", world.time(301)),
        CONDITIONS,
    ),
    _timed(
        "confirmation-too-long",
        "The confirmation is good for a day.",
        "lifetime",
        lambda world: put("//a:SubjectConfirmationData", "NotOnOrAfter", world.time(86400)),
        DATA,
    ),
    _timed(
        "end-of-days",
        "Good to the end of days.",
        "lifetime",
        lambda _world: put("//a:Conditions", "NotOnOrAfter", "9999-12-31T23:59:59Z"),
        CONDITIONS,
    ),
    _timed(
        "end-before-start",
        "It ends before it begins.",
        "lifetime",
        lambda world: all_of(
            put("//a:Conditions", "NotBefore", world.time(20)), put("//a:Conditions", "NotOnOrAfter", world.time(10))
        ),
        CONDITIONS,
    ),
    _spelled("without-zone", "A time without its zone: which one would it be.", lambda time: time.removesuffix("Z")),
    _spelled("with-offset", "A time with an offset instead of Z (core 1.3.3).", lambda time: time.replace("Z", "+00:00")),
    _spelled("long-fraction", "A fraction of twenty digits.", lambda time: time.replace("Z", "." + "0" * 20 + "Z")),
    _spelled("midnight-as-24", "The hour 24 is a legal spelling that few read alike.", lambda time: time[:11] + "24:00:00Z"),
    Case(
        name="time-with-white-space",
        because="White space around a time.",
        build=lambda world: world.signed(put("//a:Conditions", "NotOnOrAfter", f" {world.time(50)} ")),
        threat=31,
        expect=SCHEMA,
        mark=b'NotOnOrAfter=" ',
    ),
    _spelled("far-year", "A year of five digits.", lambda time: "1" + time),
    _spelled("negative-year", "A year before Christ.", lambda time: "-" + time),
    Case(
        name="time-no-time",
        because="A word instead of a time.",
        build=lambda world: world.signed(put("//a:Conditions", "NotOnOrAfter", "tomorrow")),
        threat=31,
        expect=SCHEMA,
        mark=b"tomorrow",
    ),
    Case(
        name="time-no-conditions",
        because="No conditions at all: no audience either, which is asked first.",
        build=lambda world: world.signed(cut("//a:Conditions")),
        threat=31,
        expect="handoff.audience",
        node=ASSERTION,
    ),
]

CASES = [*_TIMES]
