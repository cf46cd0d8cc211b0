"""What signing in costs: a wallet's LNURL callback and a signature login, next to a bare view."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from urllib.parse import urlsplit

from coincurve import PrivateKey

from auth import challenges, lnurl, users
from bench import load
from bench.load import Outcome
from bench.world import World, gunicorn
from wiring.container import Container
from wiring.embedded.redis import free_port

PEOPLE = 500
CONCURRENT = 50
UNLIMITED = 1_000_000
WARM_UP_S = 1.0

Requests = Callable[[int], bytes]


def login(world: World, *, rounds: int = 4, seconds: float = 4, prepared: int = 16_000) -> dict[str, float]:
    """Sign-ins per second ÷ answers of the bare view, in turns: the median of the ratios of the slower way in.

    Each request answers a question of its own, given out beforehand; the people exist.
    """
    house = world.house("logins")
    settings = replace(house.settings, sign_in_limit=UNLIMITED, user_limit=UNLIMITED)
    with house.container() as container:
        keys = [PrivateKey() for _ in range(PEOPLE)]
        _settle(container, keys)
        ways = {
            "callback": _once_each(_callbacks(container, keys, prepared)),
            "signature": _once_each(_signatures(container, keys, prepared)),
        }
    house.analyse("users", "user_keys", "sessions", "auth_challenges", "lnurl_challenges")
    bare_settings = replace(settings, web_port=free_port())
    with (
        gunicorn(settings, "wsgi:app", world.directory / "logins.log") as port,
        gunicorn(bare_settings, "bench.bare:app", world.directory / "logins-bare.log") as bare_port,
    ):
        bare = load.get("/")
        for way in ways.values():
            _burst(port, way, WARM_UP_S)
        floors = [_burst(bare_port, lambda _: bare, seconds).per_s for _ in range(rounds)]
        measured = {name: [_burst(port, way, seconds).per_s for _ in range(rounds)] for name, way in ways.items()}
    ratios = {
        name: median(rate / floor for rate, floor in zip(rates, floors, strict=True))
        for name, rates in measured.items()
    }
    return {
        "login": min(ratios.values()),
        "login_callback": ratios["callback"],
        "login_signature": ratios["signature"],
        "login_callback_per_s": median(measured["callback"]),
        "login_signature_per_s": median(measured["signature"]),
        "login_floor_per_s": median(floors),
    }


def _settle(container: Container, keys: list[PrivateKey]) -> None:
    with container.transaction() as session:
        for key in keys:
            users.of_subject(session, key.public_key.format().hex(), now=datetime.now(UTC))


def _callbacks(container: Container, keys: list[PrivateKey], count: int) -> list[bytes]:
    now, made = datetime.now(UTC), []
    with container.transaction() as session:
        for number in range(count):
            key = keys[number % len(keys)]
            asked = lnurl.issue(session, action="login", browser_secret="bench", asked_by=None, now=now)
            signature = key.sign(bytes.fromhex(asked.k1), hasher=None).hex()
            path = lnurl.callback_url(asked, "")
            made.append(load.get(f"{path}&sig={signature}&key={key.public_key.format().hex()}"))
    return made


def _signatures(container: Container, keys: list[PrivateKey], count: int) -> list[bytes]:
    now, made = datetime.now(UTC), []
    domain = urlsplit(container.settings.public_url).netloc
    with container.transaction() as session:
        for number in range(count):
            key = keys[number % len(keys)]
            spelled = key.public_key.format().hex()
            asked = challenges.issue(session, subject=spelled, domain=domain, now=now)
            signature = key.sign(asked.message.encode()).hex()
            body = json.dumps({"challenge_id": str(asked.id), "subject": spelled, "signature": signature}).encode()
            made.append(load.post("/verify_signature", None, body))
    return made


def _once_each(requests: list[bytes]) -> Requests:
    """Each request once, in whatever bursts; more than were prepared is a fault of the measurement."""
    remaining = iter(requests)
    return lambda _: next(remaining)


def _burst(port: int, requests: Requests, seconds: float) -> Outcome:
    outcome = load.run(port, requests, concurrent=CONCURRENT, seconds=seconds)
    if outcome.failures:
        raise RuntimeError(f"{len(outcome.failures)} requests failed, the first with {outcome.failures[0]!r}")
    return outcome
