"""What recording flows adds to a request: the same requests with and without it, in turns, in one process."""

import io
import json
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy.orm import Session

from api.app import create_app
from bench import beside, people
from bench.beside import Beside
from bench.people import Person
from bench.requests import OWNED_MINOR
from bench.world import World
from domain.ids import new_id
from models.deferred import Deferred
from services import flows, transfers
from wiring.logging import configure_logging
from wiring.settings import Settings

PEOPLE: Final = 500
REQUESTS: Final = 1_400
"""Of each kind."""
WARM_UP: Final = 200
BLOCKS: Final = 12
BLOCK: Final = 160
"""So many blocks of so many requests, in turns: what works beside is switched between them."""
RESAMPLES: Final = 400

Times = dict[bool, list[float]]


def overwatch_overhead(world: World) -> dict[str, float]:
    """The median time of an internal transfer's request with its flow ÷ without, minus 1, with its 95 % interval.

    A transfer is the request that recording weighs heaviest on: no other that moves money does less besides. The
    time is that of the whole request in the process that serves it, the durable commit included. `live` is the same
    where the feed, the sums and the alerts work on what is recorded, in a process of their own, and else rest.
    """
    house = world.house("overwatch")
    with house.container() as container, _logging_to_nowhere(house.settings):
        crowd = people.settle(container, PEOPLE, asset_id=house.asset_id, amount_minor=OWNED_MINOR)
        house.analyse("users", "user_keys", "sessions", "assets", "ledger_accounts")
        payments = _Payments(create_app(container), crowd, house.asset_id)
        for _ in range(WARM_UP):
            payments.timed(recorded=True)
        alone = _alone(payments)
        with beside.overwatch(house.settings) as switch:
            live = _live(payments, switch)
    return _figures("overwatch_overhead", alone) | _figures("overwatch_overhead_live", live)


def _alone(payments: "_Payments") -> Times:
    times: Times = {True: [], False: []}
    for number in range(REQUESTS):
        # Pairs in alternating order, so that nothing periodic lands on one side.
        for recorded in (True, False) if number % 2 else (False, True):
            times[recorded].append(payments.timed(recorded=recorded))
    return times


def _live(payments: "_Payments", switch: Beside) -> Times:
    times: Times = {True: [], False: []}
    for number in range(BLOCKS):
        for recorded in (True, False) if number % 2 else (False, True):
            switch.switch(on=recorded)
            times[recorded] += [payments.timed(recorded=recorded) for _ in range(BLOCK)]
    switch.switch(on=False)
    return times


def _figures(name: str, times: Times) -> dict[str, float]:
    low, high = _interval(times[True], times[False])
    return {
        name: median(times[True]) / median(times[False]) - 1,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_floor_ms": median(times[False]) * 1000,
    }


class _Payments:
    """Each request is one person paying the next."""

    def __init__(self, app: Flask, crowd: list[Person], asset_id: str) -> None:
        self._app, self._crowd, self._asset_id = app, crowd, asset_id
        self._number = 0

    def timed(self, *, recorded: bool) -> float:
        """How long one more took, with its flow or without."""
        self._number += 1
        environ = _transfer(self._crowd, self._number, self._asset_id)
        if recorded:
            return _timed(self._app, environ)
        with _without_flows():
            return _timed(self._app, environ)


@contextmanager
def _without_flows() -> Iterator[None]:
    """Recording as it would be if there were none. Only here: production code has no such switch."""

    def open_nothing(*_: Any, **__: Any) -> UUID:
        return new_id()

    # A flow that was not opened is in nobody's list either.
    kept, flows.open_one = flows.open_one, open_nothing
    kept_list, transfers.RECEIVED = transfers.RECEIVED, _Unlisted("unlisted", "", "SELECT")
    try:
        yield
    finally:
        flows.open_one, transfers.RECEIVED = kept, kept_list


class _Unlisted(Deferred):
    """A list in which nothing is written down."""

    def later(self, session: Session, *parameters: Any) -> None:
        """Leave it."""


@contextmanager
def _logging_to_nowhere(settings: Settings) -> Iterator[None]:
    """Log lines are made and rendered as ever, and thrown away."""
    root = logging.getLogger()
    kept = root.handlers[:]
    configure_logging(settings)
    with Path(os.devnull).open("w") as nowhere:
        thrown_away = logging.StreamHandler(nowhere)
        thrown_away.setFormatter(root.handlers[0].formatter)
        root.handlers[:] = [thrown_away]
        try:
            yield
        finally:
            root.handlers[:] = kept


def _transfer(crowd: list[Person], number: int, asset_id: str) -> dict[str, Any]:
    """The WSGI environment of one person paying the next."""
    payer, payee = crowd[number % len(crowd)], crowd[(number + 1) % len(crowd)]
    body = json.dumps({"asset": asset_id, "amount": "0.00001000", "to": payee.public_key}).encode()
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/api/v1/transfers",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": f"Bearer {payer.token}",
        "HTTP_IDEMPOTENCY_KEY": str(uuid4()),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _timed(app: Flask, environ: dict[str, Any]) -> float:
    said: list[str] = []

    def start(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        said.append(status)
        return said.append  # type: ignore[return-value]

    started = time.perf_counter()
    body = b"".join(app.wsgi_app(environ, start))
    elapsed = time.perf_counter() - started
    if not said[0].startswith("201"):
        raise RuntimeError(f"a transfer was answered {said[0]}: {body!r}")
    return elapsed


def _interval(recorded: list[float], without: list[float]) -> tuple[float, float]:
    """Between which two values 95 % of the ratios lie when both samples are drawn again."""
    dice = random.Random(1)
    ratios = sorted(
        median(dice.choices(recorded, k=len(recorded))) / median(dice.choices(without, k=len(without))) - 1
        for _ in range(RESAMPLES)
    )
    return ratios[int(0.025 * RESAMPLES)], ratios[int(0.975 * RESAMPLES)]
