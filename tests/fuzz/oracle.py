"""What may happen to a posted form: a refusal, or the acceptance of exactly what a trusted key signed; both within 100 ms.

The law: any other exception would be a 500, and an acceptance of anything else a break-in; both are findings,
and so is slowness.
"""

import time
from dataclasses import dataclass

from bridge.errors import HandoffError
from bridge.saml.verify import read_response, verify
from tests.fuzz.sources import Case, Judges
from tests.fuzz.truth import told_by_verdict

MAX_SECONDS = 0.1


@dataclass(frozen=True)
class Outcome:
    """The code of the verdict or `accepted`, CPU seconds, and what is wrong: empty, or a kind and its particulars."""

    code: str
    seconds: float
    finding: str = ""


def judged(judges: Judges, case: Case) -> Outcome:
    """Return what the endpoint's own code makes of *case*; what is slow is measured once more, to be sure."""
    outcome = _judged(judges, case)
    if outcome.seconds > MAX_SECONDS and not outcome.finding:
        again = _judged(judges, case)
        if again.seconds > MAX_SECONDS:
            return Outcome(again.code, again.seconds, f"slow: {again.code} after {again.seconds * 1000:.0f} ms of CPU")
        return again
    return outcome


def _judged(judges: Judges, case: Case) -> Outcome:
    question = judges.question(case)
    started = time.process_time()
    try:
        verified = verify(
            read_response(case.form),
            trust=question.trust,
            endpoint=question.endpoint,
            now=question.now,
            binding_secret=question.binding_secret,
            second_opinion=question.second_opinion,
        )
    except HandoffError as refusal:
        return Outcome(refusal.code, time.process_time() - started)
    except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place is not None else ""
        return Outcome("error", time.process_time() - started, f"crash: {type(error).__name__} in {where}: {error}")
    seconds = time.process_time() - started
    told = told_by_verdict(verified)
    if told in case.told:
        return Outcome("accepted", seconds)
    nearest = min((sorted(told - each) for each in case.told), key=len, default=["nothing was signed"])
    return Outcome("accepted", seconds, f"changed: accepted {nearest}")
