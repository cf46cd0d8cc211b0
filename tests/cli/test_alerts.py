"""Alerts on the command line: seen, explained, looked after, settled, silenced, and on record."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli.alerts import alerts as command
from domain.alert_rules import RULES
from models.audit import AuditLog
from services import alerts
from tests.alerts.looking import WELL, look, standing
from wiring.container import Container
from wiring.environ import to_environ

CODE, SCOPE = "chain_backfill_found", "block:anvil:7"


def run(*words: str) -> Result:
    return CliRunner().invoke(command, [*words])


def said(*words: str) -> str:
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture(autouse=True)
def raised(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in to_environ(container.settings).items():
        monkeypatch.setenv(name, value)
    with container.transaction() as session:
        now = container.now() - timedelta(minutes=5)
        alerts.raise_alert(session, CODE, scope=SCOPE, severity="warning", reason="2 were missed", now=now)


def test_an_alert_is_seen_explained_looked_after_and_settled(container: Container) -> None:
    assert f"{CODE}  {SCOPE}" in said("list")
    said("ack", CODE, SCOPE, "--note", "I am on it")
    assert "acknowledged by cli: I am on it" in said("list")
    shown = said("show", CODE, SCOPE)
    assert RULES[CODE].what_to_do in shown
    assert "acknowledged by cli: I am on it" in shown
    said("settle", CODE, SCOPE, "the node was replaced")
    assert said("list") == "No alert stands.\n"
    assert "settled by cli: the node was replaced" in said("show", CODE, SCOPE)
    assert run("settle", CODE, SCOPE, "again").exit_code == 1
    assert run("ack", CODE, SCOPE).exit_code == 1
    with container.reading() as session:
        noted = session.scalars(select(AuditLog.event).where(AuditLog.event.startswith("alert."))).all()
    assert sorted(noted) == ["alert.acknowledged", "alert.settled"]


def test_what_ends_by_itself_is_not_settled(container: Container) -> None:
    with container.transaction() as session:
        now = container.now()
        alerts.raise_alert(session, "seal_broken", scope="ledger:seals", severity="critical", reason="row 7", now=now)
    assert run("settle", "seal_broken", "ledger:seals", "never mind").exit_code == 1
    assert standing(container, "seal_broken") == {"ledger:seals"}


def test_a_code_is_silenced_and_the_silence_ended(container: Container) -> None:
    made = said("silence", CODE, "--hours", "2", "--reason", "known").strip()
    listed = said("list")
    assert "silenced until" in listed
    assert re.search(rf"silence {made}  {CODE}  everywhere  until ", listed)
    said("unsilence", made)
    assert "silence" not in said("list")
    assert run("unsilence", made).exit_code == 1
    assert run("silence", "no_such_code", "--reason", "x").exit_code == 2


def test_looking_is_paused_and_resumed_and_every_listing_says_so(container: Container) -> None:
    assert "PAUSED: nobody looks for alerts until" in said("pause", "--hours", "2", "--reason", "the disk is moved")
    for listing in ("list", "rules"):
        assert said(listing).startswith("PAUSED")
    assert "cli: the disk is moved" in said("list")
    assert look(container, "disk_low", replace(WELL, disk_free_percent=1)) == set()
    said("resume")
    assert "PAUSED" not in said("list")
    assert run("pause", "--hours", "25", "--reason", "x").exit_code == 2


def test_the_rules_are_listed_with_when_they_were_looked_at(container: Container) -> None:
    look(container, "disk_low")
    listed = {line.split()[0]: line for line in said("rules").splitlines()}
    assert set(listed) == set(RULES)
    assert "known at" in listed["disk_low"]
    assert "not looked at yet" in listed["memory_high"]
    assert RULES["seal_broken"].cause in said("rules", "seal_broken")
