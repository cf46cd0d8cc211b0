"""Alert sources about the host and the doors: services, disk, memory, certificate, sign-ins, tokens."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from domain.alert_states import Outcome, Reading
from services import heartbeats
from services.alerts.evaluation import Evaluation

WINDOW: Final = timedelta(minutes=5)
BASE: Final = timedelta(minutes=55)
TIMES_USUAL: Final = 10

# Bounded however long the log is: more failures than this within five minutes are found as well.
_LOGINS: Final = text(
    """
    SELECT count(*) FROM (SELECT at, event, success FROM audit_logs ORDER BY id DESC LIMIT 5000) AS newest
    WHERE event = 'login' AND NOT success AND at > :after
    """
)
# Tokens live for an hour, so those that live are those of the last hour.
_TOKENS: Final = text(
    """
    SELECT count(*) FILTER (WHERE issued_at > :after) AS newest, count(*) FILTER (WHERE issued_at <= :after) AS earlier
    FROM oauth_access_tokens WHERE expires_at > :now
    """
)


def dependencies(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether Redis answers, and whether something comes out of every queue."""
    yield _judged(
        f"redis:{evaluation.facts.host}",
        None if evaluation.facts.redis_answers is None else not evaluation.facts.redis_answers,
        "no answer",
    )
    limit = timedelta(seconds=evaluation.rule.threshold)
    beats = heartbeats.every(evaluation.session)
    for queue in heartbeats.never(beats):
        yield Reading(f"queue:{queue}", "bad", f"nothing has ever come out of the queue {queue}")
    for beat in beats:
        told = f"nothing came out of the queue {beat.queue} since {beat.ran_at:%H:%M:%S} UTC"
        yield _judged(f"queue:{beat.queue}", evaluation.now - beat.ran_at > limit, told)


def disk(evaluation: Evaluation) -> Iterator[Reading]:
    """How much of the disk is free."""
    free = evaluation.facts.disk_free_percent
    is_low = None if free is None else free < evaluation.rule.threshold
    yield _judged(f"disk:{evaluation.facts.host}", is_low, f"{free or 0:.1f} % of the disk is free")


def memory(evaluation: Evaluation) -> Iterator[Reading]:
    """How much of the memory is used."""
    used = evaluation.facts.memory_used_percent
    is_high = None if used is None else used > evaluation.rule.threshold
    yield _judged(f"memory:{evaluation.facts.host}", is_high, f"{used or 0:.1f} % of the memory is used")


def certificate(evaluation: Evaluation) -> Iterator[Reading]:
    """When the certificate ends; nothing where none is served."""
    if not evaluation.facts.serves_https:
        return
    ends = evaluation.facts.certificate_ends_at
    limit = timedelta(days=evaluation.rule.threshold)
    is_ending = None if ends is None else ends - evaluation.now < limit
    yield _judged(
        f"certificate:{evaluation.facts.host}", is_ending, f"the certificate ends {ends:%Y-%m-%d}" if ends else ""
    )


def logins(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether sign-ins fail unusually often."""
    count = evaluation.session.execute(_LOGINS, {"after": evaluation.now - WINDOW}).scalar_one()
    is_often = count > evaluation.rule.threshold
    yield _judged("logins:all", is_often, f"{count} sign-ins failed within five minutes")


def tokens(evaluation: Evaluation) -> Iterator[Reading]:
    """Whether tokens are issued unusually fast."""
    row = evaluation.session.execute(_TOKENS, {"after": evaluation.now - WINDOW, "now": evaluation.now}).one()
    usual = row.earlier * (WINDOW / BASE)
    is_fast = row.newest > max(evaluation.rule.threshold, TIMES_USUAL * usual)
    yield _judged("tokens:all", is_fast, f"{row.newest} tokens within five minutes, usually {usual:.0f}")


def _judged(scope: str, is_bad: bool | None, told: str) -> Reading:  # noqa: FBT001 - it is the one fact
    outcome: Outcome = "unknown" if is_bad is None else "bad" if is_bad else "good"
    return Reading(scope, outcome, told)
