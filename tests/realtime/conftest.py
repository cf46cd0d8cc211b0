"""An installation with two real realtime processes, shared by all tests here: each creates its own users."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.house import House
from tests.conftest import GENEROUS
from tests.databases import Server
from tests.realtime.processes import RealtimeProcess
from tests.webhooks.receiver import Receiver, receiving
from wiring.container import Container, build_container
from wiring.secret import Secret
from wiring.settings import Settings, read_settings


@pytest.fixture(scope="package")
def collector() -> Iterator[Receiver]:
    """A collector of the realtime processes' spans."""
    with receiving() as collector:
        yield collector


@pytest.fixture(scope="package")
def house(
    server: Server, redis_url: Secret, tmp_path_factory: pytest.TempPathFactory, collector: Receiver
) -> Iterator[House]:
    database = server.lend()
    settings = replace(
        read_settings({"STRONGROOM_VAR_DIR": str(tmp_path_factory.mktemp("house"))}),
        database_url=database.url,
        redis_url=redis_url,
        otlp_endpoint=collector.url,
        **GENEROUS,
    )
    container = build_container(settings)
    yield House(container)
    container.engine.dispose()
    server.give_back(database)


@pytest.fixture
def own_house(container: Container) -> House:
    """An installation for one test alone."""
    return House(container)


@pytest.fixture(scope="package")
def processes(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of two realtime processes."""
    running = start(house.container.settings, tmp_path_factory.mktemp("realtime"), count=2)
    yield running[0].url, running[1].url
    for process in running:
        process.kill()


def start(settings: Settings, directory: Path, *, count: int) -> list[RealtimeProcess]:
    """Start this many processes; if one does not answer, all are stopped."""
    directory.mkdir(exist_ok=True)
    with ExitStack() as stack:
        running = [RealtimeProcess(settings, directory / f"{number}.log") for number in range(count)]
        for process in running:
            stack.callback(process.kill)
        for process in running:
            process.await_answer()
        stack.pop_all()
    return running
