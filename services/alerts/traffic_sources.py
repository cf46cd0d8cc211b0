"""Alert sources about requests and conversions: how many fail, and how long they take."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from domain.alert_states import Outcome, Reading
from models.alert_state import AlertState
from services import traffic
from services.alerts.evaluation import Evaluation
from services.traffic import Counted

WINDOW: Final = timedelta(minutes=5)
LOOKED_BACK: Final = timedelta(hours=1)
REQUESTS_MIN: Final = 20
"""Fewer say little about a share or a mean: minutes further back are then counted as well."""
SCOPE: Final = "api:all"
_MICROSECONDS: Final = 1_000_000
_PERCENT: Final = 100

# One that fails is refunded in the same transaction, so it has come to rest.
_CONVERSIONS: Final = text(
    """
    SELECT count(*) FROM (
        SELECT FROM flows WHERE closed_at > :after AND kind = 'conversion' AND state = 'failed' LIMIT 1000) AS failures
    """
)


def errors(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether too many requests are answered with an error of ours."""
    recent = _recent(evaluation)
    told = f"{recent.error_count} of {recent.count} requests failed"
    is_bad = _PERCENT * recent.error_count > evaluation.rule.threshold * recent.count
    yield Reading(SCOPE, _outcome(evaluation, recent, is_bad=is_bad), told)


def slowness(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether requests take too long on average."""
    recent = _recent(evaluation)
    mean_s = recent.duration_us / max(recent.count, 1) / _MICROSECONDS
    is_bad = mean_s > evaluation.rule.threshold
    yield Reading(SCOPE, _outcome(evaluation, recent, is_bad=is_bad), f"{mean_s:.2f} s on average")


def conversions(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether too many conversions fail."""
    after = evaluation.now - timedelta(hours=1)
    count = evaluation.session.execute(_CONVERSIONS, {"after": after}).scalar_one()
    is_bad = count > evaluation.rule.threshold
    yield Reading("conversions:all", "bad" if is_bad else "good", f"{count} conversions failed within an hour")


def _recent(evaluation: Evaluation) -> Counted:
    """The requests of the last minutes, over as many minutes as it takes to have enough."""
    found = Counted()
    # A minute counts by its start, and the newest is not over yet.
    newest = evaluation.now - WINDOW - timedelta(minutes=1)
    for minute, counted in traffic.minutes(evaluation.session, after=evaluation.now - LOOKED_BACK):
        if minute <= newest and found.count >= REQUESTS_MIN:
            break
        found.add(counted)
    return found


def _outcome(evaluation: Evaluation, recent: Counted, *, is_bad: bool) -> Outcome:
    """The reading for these requests. Too few say nothing, which leaves an alert that stands as it is."""
    if recent.count >= REQUESTS_MIN:
        return "bad" if is_bad else "good"
    if recent.count and not is_bad:
        return "good"
    stands = evaluation.session.get(AlertState, f"{evaluation.rule.code}:{SCOPE}") is not None
    return "unknown" if stands else "good"
