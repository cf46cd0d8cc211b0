"""Verify that a test raises and clears an alert, by the database's own record.

A test says `@pytest.mark.causes("a_code")`. When it is through, its database must show that an alert of that code was
raised and then cleared, under a scope of the form that its rule promises; and it may not have written what a process of
the house would have (`by_hand`). So nobody can say it of a test without it being so. `collected` finds the marks
without running anything.
"""

import ast
import functools
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg2
import pytest

from domain.alert_rules import RULES
from tests.alerts import by_hand
from tests.databases import Database

TESTS: Final = Path(__file__).resolve().parent.parent
BY_HAND: Final = frozenset({"raise_alert", "clear"})
_RECORD: Final = """
    SELECT fingerprint, service_scope, status FROM ops_alerts
    WHERE alert_code = %s AND service_scope NOT LIKE 'nodata:%%' ORDER BY seq
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Verify the alerts that a test claims to cause."""
    codes = [code for mark in item.iter_markers("causes") for code in mark.args]
    if not codes:
        return (yield)
    with by_hand.watched(codes) as written:
        outcome = yield
    assert not written, f"what the test says that it causes it makes up: {written}"
    database = getattr(item, "funcargs", {}).get("own_database")
    assert isinstance(database, Database), "a test that causes an alert has a database of its own"
    for code in codes:
        _prove(database, code)
    return outcome


def _prove(database: Database, code: str) -> None:
    with closing(psycopg2.connect(database.owner_url.reveal())) as connection, connection.cursor() as cursor:
        cursor.execute(_RECORD, (code,))
        record = cursor.fetchall()
    nouns = {form.partition(":")[0] for form in RULES[code].scope.split(", ")}
    strays = sorted({scope for _, scope, _ in record if scope.partition(":")[0] not in nouns or ":" not in scope})
    assert not strays, f"the rule of {code} promises the scope {RULES[code].scope}, and there was {strays}"
    told: dict[str, list[str]] = {}
    for fingerprint, _, status in record:
        told.setdefault(fingerprint, []).append(status)
    assert told, f"the test says that it causes {code}, and no such alert was raised"
    is_whole = any("cleared" in statuses[statuses.index("raised") :] for statuses in told.values())
    assert is_whole, f"the test causes {code}, but does not make it end: {told}"


def collected() -> dict[str, list[str]]:
    """Which tests claim to cause which code, from the source of all tests."""
    found: dict[str, list[str]] = {}
    for path, function in _functions():
        for code in _codes(function):
            found.setdefault(code, []).append(f"{path.relative_to(TESTS)}::{function.name}")
    return found


def done_by_hand() -> list[str]:
    """The tests that raise or clear an alert directly and still claim to cause one."""
    return [function.name for _, function in _functions() if list(_codes(function)) and _is_by_hand(function)]


@functools.cache
def _functions() -> Sequence[tuple[Path, ast.FunctionDef]]:
    """Every function of every file that may contain a marked test."""
    texts = ((path, path.read_text()) for path in sorted(TESTS.rglob("test_*.py")))
    return [
        (path, node)
        for path, text in texts
        if ".causes(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    ]


def _codes(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "causes":
                yield from (ast.literal_eval(argument) for argument in node.args)


def _is_by_hand(function: ast.FunctionDef) -> bool:
    called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        isinstance(name, ast.Attribute)
        and name.attr in BY_HAND
        and isinstance(name.value, ast.Name)
        and name.value.id in {"alerts", "transitions"}
        for name in called
    )
