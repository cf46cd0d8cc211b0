"""Every task is named, routed to a queue that somebody consumes, swept, and harmless to send at any time."""

import ast
import fnmatch
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from celery.signals import worker_shutting_down

import celeryconfig
from cli.stack import programs
from domain.queues import QUEUES
from tasks.app import MODULES, app
from tasks.schedule import ROUTES, SWEEPS, beat_schedule
from wiring.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]

for _module in MODULES:
    import_module(_module)
TASKS = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def queue_of(name: str) -> str:
    [queue] = {route["queue"] for pattern, route in ROUTES.items() if fnmatch.fnmatch(name, pattern)}
    return queue


def test_every_module_of_tasks_is_loaded_by_workers() -> None:
    defining = {f"tasks.{path.stem}" for path in (ROOT / "tasks").glob("*.py") if "@task(" in path.read_text()}
    assert defining <= set(MODULES)


def test_every_sweep_and_every_beat_is_a_registered_task() -> None:
    assert set(SWEEPS) <= set(TASKS)
    assert {entry["task"] for entry in beat_schedule().values()} <= set(TASKS)


def test_every_task_is_swept_so_that_a_lost_wake_up_costs_time_only() -> None:
    assert set(TASKS) == {*SWEEPS, "upkeep.heartbeat"}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_is_named_for_its_noun_and_routed_to_one_queue(name: str) -> None:
    noun, _, verb = name.partition(".")
    assert TASKS[name].run.__wrapped__.__module__ == f"tasks.{noun}"
    assert re.fullmatch(r"[a-z_]+", verb)
    assert queue_of(name) in QUEUES


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_takes_only_what_json_can_say(name: str) -> None:
    parameters = list(inspect.signature(TASKS[name].run.__wrapped__, eval_str=True).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["container", "by"]
    assert {parameter.annotation for parameter in parameters[2:]} <= {str, int}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_leaves_trying_again_to_the_rows(name: str) -> None:
    assert not getattr(TASKS[name], "autoretry_for", ())
    assert not TASKS[name].acks_late
    assert TASKS[name].ignore_result


def test_every_queue_is_consumed_by_a_worker_of_the_stack(tmp_path: Path) -> None:
    consumed: set[str] = set()
    for program in programs(read_settings({"STRONGROOM_VAR_DIR": str(tmp_path)})):
        words = list(program.command)
        if "--queues" in words:
            consumed |= set(words[words.index("--queues") + 1].split(","))
    assert consumed == set(QUEUES) == set(celeryconfig.task_queues)
    assert {route["queue"] for route in ROUTES.values()} <= consumed


def test_every_queue_has_a_heartbeat_of_its_own() -> None:
    beaten = {
        entry["options"]["queue"]: entry["args"]
        for entry in beat_schedule().values()
        if entry["task"] == "upkeep.heartbeat"
    }
    assert beaten == {queue: (queue,) for queue in QUEUES}


def test_every_promise_names_a_task_that_exists() -> None:
    promised = {
        name
        for layer in ("services", "api", "tasks", "cli", "auth")
        for source in (ROOT / layer).rglob("*.py")
        for name in re.findall(r'outbox\.promise\(\s*session,\s*"([^"]+)"', source.read_text())
    }
    assert promised
    assert promised <= set(TASKS)


def test_the_engine_forgets_nothing_that_matters_and_waits_for_nobody() -> None:
    """Each of these settings protects against a failure that others met."""
    assert celeryconfig.result_backend is None
    assert not celeryconfig.task_create_missing_queues
    assert celeryconfig.accept_content == ["json"]
    assert celeryconfig.worker_prefetch_multiplier == 1
    assert celeryconfig.broker_connection_max_retries is None
    visibility_timeout = celeryconfig.broker_transport_options["visibility_timeout"]
    assert isinstance(visibility_timeout, int)
    assert visibility_timeout > celeryconfig.task_time_limit
    assert {"socket_timeout", "socket_connect_timeout"} <= set(celeryconfig.broker_transport_options)


def test_no_task_opens_a_transaction_around_the_network() -> None:
    """In tasks, nothing called on a chain stands inside `with container.transaction()`."""
    offenders = []
    for source in (ROOT / "tasks").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.With) and "transaction()" in ast.unparse(node.items[0].context_expr):
                offenders += [
                    f"{source.name}:{call.lineno}"
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and re.match(r"(self\.)?chain\.\w+$", ast.unparse(call.func))
                ]
    assert offenders == []


def test_nothing_of_ours_runs_inside_the_handler_that_tells_a_worker_to_stop() -> None:
    # Celery sends this one from the handler itself and takes a lock as soon as somebody listens: a second TERM that
    # comes meanwhile would wait for the first for ever.
    assert worker_shutting_down.receivers == []
