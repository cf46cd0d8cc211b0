"""Imports point down, and what a process is told comes in through one door."""

import ast
import contextlib
import importlib.util
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parent.parent.parent
LAYERS = ("api", "tasks", "cli", "wiring", "services", "auth", "adapters", "models", "domain")
# The edges, where a process begins and hands its environment to read_settings; the crash points, which only tests set;
# and whoever starts other processes.
READS_THE_ENVIRONMENT = {
    "api/realtime/__init__.py",
    "tasks/app.py",
    "tasks/runtime.py",
    "wiring/metrics/shared.py",  # a variable of Prometheus's library
    "domain/crash.py",
    "cli",
}


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_imports_point_down() -> None:
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    # It configures logging for itself, which silences every logger there was: tests after this one may use them.
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).disabled = False
    assert status == 0, told.getvalue()


def test_the_environment_is_read_at_the_edges_alone() -> None:
    readers = {
        name
        for name, tree in sources(*LAYERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _is_os(node.value)
    }
    surprising = {
        name
        for name in readers
        if name not in READS_THE_ENVIRONMENT and name.split("/")[0] not in READS_THE_ENVIRONMENT
    }
    assert surprising == set()


@pytest.mark.parametrize("layer", ["services", "models", "domain"])
def test_a_use_case_does_not_look_at_the_clock(layer: str) -> None:
    clocks = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("func", "now")}
    looked = {
        f"{name}:{node.lineno}"
        for name, tree in sources(layer)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in clocks
    }
    assert looked == set()


@pytest.mark.parametrize("layer", ["services", "auth"])
def test_a_use_case_never_ends_its_callers_transaction(layer: str) -> None:
    ended = {
        f"{name}:{node.lineno}"
        for name, tree in sources(layer)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "session"
    }
    assert ended == set()


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


def test_sockets_are_served_by_what_is_tried_here_and_nothing_takes_its_place() -> None:
    """gevent-websocket, where it is installed, is chosen by the library before simple-websocket."""
    assert importlib.util.find_spec("geventwebsocket") is None
    assert importlib.util.find_spec("simple_websocket") is not None
