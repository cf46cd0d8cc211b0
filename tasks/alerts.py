"""Evaluate alert rules."""

from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters import host, http_out
from domain.actor import Actor
from domain.alert_rules import AlertRule
from domain.errors import StrongroomError
from domain.host_facts import HostFacts
from services.alerts import engine, pausing
from tasks.app import task
from wiring.container import Container

HEARTBEAT_S_MAX: Final = 5.0
"""Shorter than the pause between two rounds."""

log = structlog.get_logger(__name__)


@task("alerts.evaluate")
def evaluate(container: Container, by: Actor) -> int:
    """Evaluate every rule that is due, and send the heartbeat. Returns how many alerts were raised or cleared.

    Where no rule is due, another process has just sent the heartbeat. While evaluation is paused no heartbeat is sent:
    its absence reminds whoever watches for it.
    """
    due = () if _is_paused(container, by) else _due(container)
    if not due:
        return 0
    news = evaluate_rules(container, due, _look(container, due))
    _tell_watcher(container)
    return news


def evaluate_due(container: Container) -> int:
    """Evaluate every rule that is due. Returns how many alerts were raised or cleared."""
    due = _due(container)
    return evaluate_rules(container, due, _look(container, due))


def evaluate_rules(container: Container, rules: Sequence[AlertRule], facts: HostFacts) -> int:
    """Evaluate these rules, each in its own transaction, so that a failure stays alone."""
    return sum(_evaluate(container, rule, facts) for rule in rules)


def _due(container: Container) -> Sequence[AlertRule]:
    with container.reading() as session:
        return engine.due(session, now=container.now())


def _is_paused(container: Container, by: Actor) -> bool:
    """Whether evaluation is paused; a pause whose time is over is ended here."""
    now = container.now()
    with container.reading() as session:
        found = pausing.last(session)
    if found is None:
        return False
    if found.ends_at > now:
        log.info("alerts_paused", until=found.ends_at.isoformat())
        return True
    with container.transaction() as session:
        pausing.end_when_over(session, now=now, by=by)
    return False


def _evaluate(container: Container, rule: AlertRule, facts: HostFacts) -> int:
    try:
        with container.transaction() as session:
            return engine.evaluate(session, rule, facts, now=container.now())
    except (SQLAlchemyError, StrongroomError) as fault:
        log.exception("alert_rule_failed", code=rule.code)
        with container.transaction() as session:
            return engine.without_answer(session, rule, facts, error=type(fault).__name__, now=container.now())


def _tell_watcher(container: Container) -> None:
    """Send the heartbeat of this round. A lost one is for the watcher to notice; the next round sends another."""
    url = container.settings.alert_heartbeat_url
    if url is None:
        return
    answer = http_out.post(
        url.reveal(), {}, b"", allow_private=container.settings.webhook_private, deadline_s=HEARTBEAT_S_MAX
    )
    if not answer.is_taken:
        log.warning("alert_heartbeat_not_taken", status=answer.status, error=answer.error)


def _look(container: Container, due: Sequence[AlertRule]) -> HostFacts:
    settings = container.settings
    directory = settings.var_dir if settings.var_dir.exists() else settings.var_dir.absolute().parent
    return host.look(
        directory=directory,
        redis_url=settings.redis_database(0).reveal() if settings.redis_url is not None else None,
        public_url=settings.public_url,
        with_certificate=any(rule.code == "certificate_expiring" for rule in due),
    )
