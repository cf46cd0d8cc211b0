"""No alert without a cause: every code there is has a test that brings it about and sees it end."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from domain.alert_rules import RULES
from tasks.alerts import evaluate
from tests.alerts.looking import later
from tests.alerts.proof import collected, done_by_hand
from wiring.container import Container

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def caused() -> dict[str, list[str]]:
    return collected()


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_code_has_a_test_that_causes_it_and_sees_it_end(code: str, caused: dict[str, list[str]]) -> None:
    assert code in caused, (
        f"no test brings {code} about: mark one with @pytest.mark.causes({code!r}); when it is through, its database "
        "must show that the alert was raised and then cleared"
    )


def test_no_test_claims_to_cause_what_is_no_alert_or_does_it_by_hand(caused: dict[str, list[str]]) -> None:
    unknown = {code: tests for code, tests in caused.items() if code not in RULES}
    assert not unknown, f"these tests cause codes that are not in RULES: {unknown}"
    assert done_by_hand() == [], "these raise or clear the alert themselves, which proves nothing of its cause"


def test_every_alert_that_is_raised_anywhere_is_a_rule() -> None:
    raised = {code for path in _sources() for code in _raised_in(path)}
    assert raised - set(RULES) == set(), "raised, and nowhere is it said what it means: see domain/alerts_in_place"
    in_place = {code for code, rule in RULES.items() if not rule.is_evaluated}
    assert in_place - raised == set(), "a rule says that these are raised where they happen, and nobody raises them"


def test_the_task_looks_at_every_rule_on_this_very_host_and_again_only_when_it_is_time(container: Container) -> None:
    evaluate.run.__wrapped__(container, None)
    with container.reading() as session:
        looked = session.connection().exec_driver_sql("SELECT alert_code, outcome FROM alert_evaluations").all()
    assert {code for code, _ in looked} == {code for code, rule in RULES.items() if rule.is_evaluated}
    assert {outcome for _, outcome in looked} == {"known"}
    evaluate.run.__wrapped__(later(container, RULES["disk_low"].every), None)


def test_the_documented_table_is_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "list_alerts.py", "--check"], check=True)


def _sources() -> list[Path]:
    return [path for name in ("services", "tasks") for path in (ROOT / name).rglob("*.py")]


def _raised_in(path: Path) -> set[str]:
    """The codes that this module raises; the engine's, which come from RULES, are no constants."""
    text = path.read_text()
    if "raise_alert(" not in text:
        return set()
    tree = ast.parse(text)
    calls = [
        node.args[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "raise_alert"
    ]
    return {str(code.value if isinstance(code, ast.Constant) else _constant(tree, ast.unparse(code))) for code in calls}


def _constant(tree: ast.Module, name: str) -> object:
    """What a constant of a module is, wherever it is written down."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            path = ROOT / f"{str(node.module).replace('.', '/')}.py"
            return _constant(ast.parse(path.read_text()), name)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in {target.id for target in targets if isinstance(target, ast.Name)}:
                return node.value.value
    raise KeyError(name)
