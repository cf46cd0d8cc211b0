"""The real engine: two workers and two beats on a Redis that loses everything, and a worker that is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from domain.queues import QUEUES
from models.deposit import Deposit
from models.withdrawal import Withdrawal
from services import heartbeats
from tests.rail import COIN, Rail
from tests.services import outgoing
from wiring.embedded.process import await_truth, tail
from wiring.embedded.redis import RedisServer
from wiring.environ import to_environ
from wiring.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 100.0  # a lease of a killed worker lasts a minute
TERMS = 2_000


class Engine:
    """Celery processes that a test may kill."""

    def __init__(self, environ: dict[str, str], logs: Path) -> None:
        self._environ = {**os.environ, **environ}
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        with (self._logs / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "tasks.app", *arguments],
                cwd=ROOT,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self, name: str) -> None:
        queues = ("--queues", ",".join(QUEUES), "--concurrency", "2", "--hostname", f"{name}@test")
        self.start(name, "worker", *queues, "--loglevel", "INFO", "--without-gossip", "--without-mingle")

    def kill(self, name: str) -> None:
        """End a process and its children as a power cut would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """Tell a worker to stop, as often as the kernel does when the many threads of its supervisor die at once."""
        for _ in range(TERMS):
            self._processes[name].send_signal(signal.SIGTERM)
        status = self._processes[name].wait(PATIENCE_S)
        del self._processes[name]
        return status

    def kill_all(self) -> None:
        for name in list(self._processes):
            self.kill(name)

    def logs(self) -> str:
        return "\n".join(f"{path.stem}: {tail(path)}" for path in sorted(self._logs.glob("*.log")))


@pytest.fixture
def engine(rail: Rail, own_redis: RedisServer, tmp_path: Path) -> Iterator[Engine]:
    settings = replace(rail.container.settings, redis_url=Secret(own_redis.url), database_pool_size=5)
    with ExitStack() as stack:
        made = Engine(to_environ(settings), tmp_path)
        stack.callback(made.kill_all)
        yield made


def queues_beating(rail: Rail) -> set[str]:
    with rail.container.reading() as session:
        return {beat.queue for beat in heartbeats.every(session)}


@pytest.mark.long
def test_the_story_completes_once_though_redis_is_emptied_and_a_worker_is_killed(
    rail: Rail, engine: Engine, own_redis: RedisServer
) -> None:
    outgoing.usual_rules(rail)
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    for name in ("one", "other"):
        engine.start_worker(name)
    for name in ("beat", "second-beat"):
        engine.start(name, "beat", "--loglevel", "INFO")

    rail.send_to(address, COIN)
    assert await_truth(lambda: rail.count(Deposit) == 1, PATIENCE_S), engine.logs()
    with closing(Redis.from_url(own_redis.url)) as client:
        client.flushall()
    rail.mine()
    assert await_truth(lambda: rail.deposit().state == "credited", PATIENCE_S), engine.logs()

    withdrawal = rail.request(user_id, COIN // 10)
    with closing(Redis.from_url(own_redis.url)) as client:
        client.flushall()
    engine.kill("one")
    assert await_truth(lambda: rail.withdrawal().state == "broadcast", PATIENCE_S), engine.logs()
    rail.mine()
    assert await_truth(lambda: rail.withdrawal().state == "completed", PATIENCE_S), engine.logs()
    assert await_truth(lambda: queues_beating(rail) == set(QUEUES), PATIENCE_S), engine.logs()

    assert rail.count(Deposit) == rail.count(Withdrawal) == 1
    assert rail.balance(user_id) == (COIN - COIN // 10 - withdrawal.fee_minor, 0)
    assert outgoing.sent_once(rail, withdrawal.destination, COIN // 10)
    rail.assert_sound()
    # By itself, or by one of the last TERMs: Python gives its handlers up some time before it ends.
    assert engine.stop("other") in {0, -signal.SIGTERM}, engine.logs()
