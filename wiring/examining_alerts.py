"""What an installation itself reports as wrong: standing alerts, unanswered rules, or that none are evaluated."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.alert_rule import NODATA, ROUND
from domain.alert_rules import RULES
from models.alert import OpsAlert
from services.alerts import handling
from wiring.container import Container
from wiring.finding import Finding

SHOWN_MAX: Final = 20
"""How many of each kind are listed one by one: a dead node may bring hundreds."""
LOOKED_WITHIN: Final = 4 * ROUND
"""Rules are looked at each round. Where none was for so long, no process of this installation looks."""
_LISTED: Final = "`python -m cli alerts list` and the page /operator/alerts have them all."


def examine_alerts(container: Container) -> Iterator[Finding]:
    """Each critical alert that stands, each rule without an answer, and whether anybody looks. Changes nothing.

    Needs a database with the newest schema.
    """
    now = container.now()
    with container.reading() as session:
        found = handling.overview(session, now=now)
        looked = handling.evaluations(session).values()
    known = [one for one in found if not one.row.service_scope.startswith(NODATA)]
    critical = [one for one in known if one.row.severity == "critical"]
    for one in critical[:SHOWN_MAX]:
        yield _critical(one)
    if len(critical) > SHOWN_MAX:
        yield Finding("alerts", "wrong", f"{len(critical) - SHOWN_MAX} more critical ones stand", _LISTED)
    yield from _others([one.row for one in known if one.row.severity != "critical"])
    yield from _unknown(
        {one.alert_code for one in looked if one.outcome != "known"}
        | {one.row.alert_code for one in found if one.row.service_scope.startswith(NODATA)}
    )
    yield _looked(max((one.evaluated_at for one in looked), default=None), now, is_quiet=not found)


def _critical(one: handling.Standing) -> Finding:
    row, rule = one.row, RULES.get(one.row.alert_code)
    looked_after = f"; {one.acknowledged.acknowledged_by} looks after it" if one.acknowledged is not None else ""
    return Finding(
        "alert", "wrong",
        f"{row.alert_code} of {row.service_scope} since {_moment(row.raised_at)}: {row.reason}{looked_after}",
        rule.what_to_do if rule is not None else _LISTED,
    )  # fmt: skip


def _others(rows: Sequence[OpsAlert]) -> Iterator[Finding]:
    if rows:
        counts = Counter(row.alert_code for row in rows)
        told = ", ".join(f"{code} ({count})" if count > 1 else code for code, count in sorted(counts.items()))
        yield Finding("alerts", "note", f"{len(rows)} that are not critical stand: {told}", _LISTED)


def _unknown(codes: set[str]) -> Iterator[Finding]:
    """A critical rule without an answer is wrong by itself: its condition may hold unnoticed."""
    for code in sorted(codes):
        is_critical = code in RULES and RULES[code].severity == "critical"
        yield Finding(
            "alert", "wrong" if is_critical else "note", f"{code}: it cannot be told whether it is so",
            f"`python -m cli alerts rules {code}` says when it was last looked at; the log of the workers says why.",
        )  # fmt: skip


def _looked(last: datetime | None, now: datetime, *, is_quiet: bool) -> Finding:
    if last is None:
        return Finding("alerts", "note", "nobody has looked for any yet", "Start the workers: `make run`.")
    if now - last > LOOKED_WITHIN:
        return Finding(
            "alerts", "note", f"nobody has looked for any since {_moment(last)}: what is said of them is that old",
            "Start the workers and beat: `make run`.",
        )  # fmt: skip
    words = "none stands, " if is_quiet else ""
    return Finding("alerts", "ok", f"{words}looked for {max(now - last, timedelta(0)).total_seconds():.0f} s ago")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
