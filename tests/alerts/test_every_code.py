"""No alert without a cause: every code that is looked for is brought about and taken back by a test here."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.alert_rules import RULES
from services.alerts.sources import SOURCES
from tasks.alerts import evaluate
from tests.alerts.looking import later
from wiring.container import Container

HERE = Path(__file__).parent
NAMES = {"test_house_alerts.py", "test_money_alerts.py", "test_traffic_alerts.py"}
TOLD = "".join((HERE / name).read_text() for name in sorted(NAMES))


@pytest.mark.parametrize("code", sorted(SOURCES))
def test_every_code_that_is_looked_for_has_a_cause_and_a_recovery(code: str) -> None:
    assert TOLD.count(f'"{code}"') >= 1


def test_the_task_looks_at_every_rule_on_this_very_host_and_again_only_when_it_is_time(container: Container) -> None:
    evaluate.run.__wrapped__(container, None)
    with container.reading() as session:
        looked = session.connection().exec_driver_sql("SELECT alert_code, outcome FROM alert_evaluations").all()
    assert {code for code, _ in looked} == {code for code, rule in RULES.items() if rule.is_evaluated}
    assert {outcome for _, outcome in looked} == {"known"}
    evaluate.run.__wrapped__(later(container, RULES["disk_low"].every), None)


def test_the_documented_table_is_up_to_date() -> None:
    script = HERE.parents[1] / "scripts" / "list_alerts.py"
    subprocess.run([sys.executable, script, "--check"], check=True)
