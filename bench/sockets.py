"""Socket.IO: what 5,000 idle connections cost one process, how fast it tells many, how soon a coin is on the screen."""

import os
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil
import socketio
from coincurve import PrivateKey

from auth import sessions, users
from bench.latency import SETTLE_S, address_of, coin_of
from bench.world import ROOT, House, World
from cli.person import Person
from wiring.container import Container
from wiring.environ import to_environ
from wiring.settings import Settings

IDLE: Final = 5_000
PEOPLE: Final = 500
"""So many different users hold them, ten each: all of them hear who comes and goes."""
LISTENERS: Final = 1_000
ROUNDS: Final = 30
COINS: Final = 25
PATIENCE_S: Final = 120.0
_REQUEST: Final = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
)


def idle_and_fanout(world: World) -> dict[str, float]:
    """Memory of one process with 5,000 connections that say nothing; then deliveries per second to 1,000 of them."""
    house = world.house("sockets")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    with house.container() as parts, _realtime(house, world.directory / "realtime.log") as (port, worker):
        tokens = _tokens(parts, PEOPLE)
        before_mb = _memory_mb(worker)
        wires: list[_Wire] = []
        for number in range(IDLE):
            wires.append(_Wire(port, tokens[number % PEOPLE]))
            if number % 500 == 0:
                _keep_company(wires, 0)
        _keep_company(wires, 30)  # longer than a ping takes to go round, so that everything idle has been made
        idle_mb = _memory_mb(worker)
        print(f"    {before_mb:.0f} MB empty, {idle_mb:.0f} MB with {IDLE} idle", file=sys.stderr)
        for number, wire in enumerate(wires[LISTENERS:]):
            wire.close()
            if number % 250 == 0:
                # Not all in one moment: what is measured afterwards is no flood of people who leave.
                _keep_company(wires[:LISTENERS], 0.2)
        _keep_company(wires[:LISTENERS], 5)
        per_s, per_core_s = _fanout(parts, wires[:LISTENERS], worker)
        print(f"    {per_s:.0f} deliveries/s, {per_core_s:.0f} per second of a core", file=sys.stderr)
        for wire in wires[:LISTENERS]:
            wire.close()
    return {
        "socket_idle_mb_5000": idle_mb,
        "socket_idle_mb_0": before_mb,
        "socket_fanout_per_s": per_core_s,
        "socket_fanout_wall_per_s": per_s,
    }


def mempool_to_browser(world: World, settings: Settings, person: Person) -> list[float]:
    """Seconds from each payment's broadcast to its event on its owner's socket."""
    heard: list[float] = []
    client = socketio.Client(websocket_extra_options={"timeout": PATIENCE_S})
    client.on("deposit", lambda event: heard.append(time.perf_counter()) if event["type"] == "deposit.seen" else None)
    _await(lambda: _answers(settings.realtime_port))
    origin = f"http://{settings.host}:{settings.realtime_port}"
    client.connect(origin, auth={"token": person.token}, transports=["websocket"], wait_timeout=30)
    asset = coin_of(person)
    waits = [_coin(world, address_of(person, asset), heard, number) for number in range(COINS)]
    client.disconnect()
    return waits


def _coin(world: World, address: str, heard: list[float], number: int) -> float:
    if number % 10 == 0:
        # A chain of too many unconfirmed payments is refused by nodes.
        world.node.mine()
    already = len(heard)
    world.node.pay(address, "0.5")
    sent = time.perf_counter()
    _await(lambda: len(heard) > already)
    time.sleep(SETTLE_S)
    return heard[already] - sent


def _fanout(parts: Container, wires: "list[_Wire]", worker: psutil.Process) -> tuple[float, float]:
    """Deliveries per second of the wall's clock, and of the process's own."""
    spent, began = worker.cpu_times(), time.perf_counter()
    for number in range(ROUNDS):
        parts.bus.say("flow", {"id": f"flow-{number}", "type": "deposit.seen", "fragment": "/"}, ["people"])
    parts.bus.say("flow", {"id": "end"}, ["people"])
    _hear(wires, b'"end"')
    took_s = time.perf_counter() - began
    now = worker.cpu_times()
    deliveries = len(wires) * (ROUNDS + 1)
    return deliveries / took_s, deliveries / (now.user + now.system - spent.user - spent.system)


def _hear(wires: "list[_Wire]", mark: bytes) -> None:
    """Listen until each has heard this, answering pings meanwhile: who is silent for too long is put out."""
    with selectors.DefaultSelector() as selector:
        for wire in wires:
            selector.register(wire, selectors.EVENT_READ, wire)
        while selector.get_map():
            ready = selector.select(PATIENCE_S)
            if not ready:
                raise TimeoutError("not everything was delivered")
            for key, _ in ready:
                if key.data.hears(mark):
                    selector.unregister(key.fileobj)


def _keep_company(wires: "list[_Wire]", seconds: float) -> None:
    """Be 5,000 browsers that nobody looks at, for this long."""
    with selectors.DefaultSelector() as selector:
        for wire in wires:
            selector.register(wire, selectors.EVENT_READ)
        deadline = time.monotonic() + seconds
        while (ready := selector.select(0.2)) or time.monotonic() < deadline:
            for key, _ in ready:
                key.fileobj.answer()  # type: ignore[union-attr]
            if time.monotonic() > deadline + 20:
                break


class _Wire:
    """A WebSocket that costs its holder next to nothing."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.sendall(_REQUEST.format(host=f"127.0.0.1:{port}", token=token).encode())
        self._read = b""
        self.read_until(b"maxPayload")
        # A client's frame is masked; a mask of zeros changes nothing.
        self._socket.sendall(b"\x81\x82\x00\x00\x00\x0040")

    def read_until(self, mark: bytes) -> None:
        while mark not in self._read:
            got = self._socket.recv(65536)
            if not got:
                raise ConnectionError(self._read[-200:].decode(errors="replace"))
            self._read = self._read[-4096:] + got
        self._read = b""

    def fileno(self) -> int:
        """What a selector asks for."""
        return self._socket.fileno()

    def hears(self, mark: bytes) -> bool:
        """Read what is there; whether this has come."""
        self._read = self._read[-len(mark) :] + self.answer()
        return mark in self._read

    def answer(self) -> bytes:
        """Read what is there, and answer a ping as a browser does."""
        got = self._socket.recv(65536)
        if not got:
            raise ConnectionError("the server closed an idle connection")
        if b"\x81\x012" in got:
            self._socket.sendall(b"\x81\x81\x00\x00\x00\x003")
        return got

    def close(self) -> None:
        self._socket.close()


@contextmanager
def _realtime(house: House, log: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The realtime process as the installation starts it, and its worker."""
    settings = replace(house.settings, log_level="warning")
    environ = {**os.environ, **to_environ(settings)}
    port = settings.realtime_port
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}",
                "--workers", "1", "--worker-connections", "20000", "--graceful-timeout", "1", "api.realtime:app",
            ],
            cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            _await(lambda: _answers(port))
            yield port, psutil.Process(server.pid).children()[0]
        finally:
            server.terminate()
            server.wait(60)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
        probe.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        return b" 200 " in probe.recv(100)
    return False


def _tokens(parts: Container, count: int) -> list[str]:
    now = parts.now()
    with parts.transaction() as session:
        known = [users.of_subject(session, PrivateKey().public_key.format().hex(), now=now) for _ in range(count)]
        return [sessions.begin(session, user.user_id, now=now).token for user in known]


def _memory_mb(process: psutil.Process) -> float:
    """What is this process's own: pages that it shares with its parent are not counted twice."""
    return float(process.memory_full_info().uss) / 2**20


def _await(truth: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not truth():
        if time.monotonic() > deadline:
            raise TimeoutError("nothing happened")
        time.sleep(0.002)
