"""Every task has a queue, and every queue a worker."""

from fnmatch import fnmatch

from cli.stack import programs
from domain.queues import QUEUES
from tasks.app import MODULES, app
from tasks.schedule import ROUTES, SWEEPS, queue_of
from tasks.sweeper import Rota
from wiring.settings import Settings


def consumed(settings: Settings) -> list[str]:
    """The queues that the workers of a whole installation take from."""
    commands = [list(program.command) for program in programs(settings)]
    return [
        queue
        for command in commands
        if "worker" in command
        for queue in command[command.index("--queues") + 1].split(",")
    ]


def tasks() -> list[str]:
    for module in MODULES:
        __import__(module)
    return [name for name in app.tasks if not name.startswith("celery.")]


def test_every_queue_is_consumed_by_one_kind_of_worker(settings: Settings) -> None:
    assert sorted(consumed(settings)) == sorted(QUEUES)


def test_every_task_is_routed_to_a_queue_that_exists() -> None:
    assert len(tasks()) > 5
    for name in tasks():
        routes = [route["queue"] for pattern, route in ROUTES.items() if fnmatch(name, pattern)]
        assert len(routes) == 1, name
        assert routes[0] in QUEUES


def test_every_sweep_names_a_task() -> None:
    assert set(SWEEPS) - set(tasks()) == set()


def test_a_worker_sweeps_what_it_consumes_and_nothing_as_often_as_what_is_urgent(settings: Settings) -> None:
    every = Rota(consumed(settings))
    assert set(every.take(0)) == set(SWEEPS)
    assert every.take(0) == []
    assert set(every.take(15)) == {name for name, seconds in SWEEPS.items() if seconds <= 15}
    every.take(299)
    assert "chains.backfill" in every.take(300)
    assert Rota([queue_of("alerts.evaluate")]).take(0)[0] == "alerts.evaluate", "it is not to wait for a silent node"
    assert set(Rota(["verify"]).take(0)) == {name for name in SWEEPS if queue_of(name) == "verify"}


def test_no_task_is_retried_kept_or_sent_in_anything_but_json() -> None:
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None
    assert app.conf.accept_content == ["json"]
    assert not app.conf.task_create_missing_queues
    for name in tasks():
        assert not app.tasks[name].autoretry_for if hasattr(app.tasks[name], "autoretry_for") else True
        assert not app.tasks[name].acks_late
