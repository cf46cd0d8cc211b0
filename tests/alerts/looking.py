"""Evaluate one alert as the task does, at a time of the test's choosing."""

from dataclasses import replace
from datetime import timedelta

from domain.alert_rules import NODATA_AFTER, RULES, AlertRule
from domain.host_facts import HostFacts
from services import alerts
from tasks.alerts import evaluate_rules
from wiring.container import Container

WELL = HostFacts("here", disk_free_percent=50, memory_used_percent=20, redis_answers=True)


def later(container: Container, by: timedelta) -> Container:
    """The same container, with its clock this much later."""
    clock = container.clock
    return replace(container, clock=lambda: clock() + by)


def look(container: Container, code: str, facts: HostFacts = WELL, *, rule: AlertRule | None = None) -> set[str]:
    """Evaluate often enough for a rule to fire or clear; returns the scopes for which the alert then stands.

    `rule` replaces the rule of this code, for thresholds that no test can reach.
    """
    judged = rule or RULES[code]
    evaluate_rules(container, [judged], facts)
    evaluate_rules(later(container, max(judged.hold_for, judged.clear_for, NODATA_AFTER)), [judged], facts)
    return standing(container, code)


def standing(container: Container, code: str) -> set[str]:
    with container.reading() as session:
        return {row.service_scope for row in alerts.standing(session) if row.alert_code == code}
