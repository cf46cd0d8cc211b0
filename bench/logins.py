"""What signing in costs: a wallet's LNURL callback and a signature login, next to a bare view."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from coincurve import PrivateKey

from auth import challenges, lnurl, users
from bench import load
from bench.versus import against_bare, once_each
from bench.world import World
from wiring.container import Container

PEOPLE = 500
UNLIMITED = 1_000_000


def login(world: World, *, rounds: int = 4, seconds: float = 2.5, prepared: int = 50_000) -> dict[str, float]:
    """Sign-ins per second ÷ answers of the bare view, in turns: the median of the ratios of the slower way in.

    Each request answers a question of its own, given out beforehand; the people exist.
    """
    house = world.house("logins")
    settings = replace(house.settings, sign_in_limit=UNLIMITED, user_limit=UNLIMITED)
    with house.container() as container:
        keys = [PrivateKey() for _ in range(PEOPLE)]
        _settle(container, keys)
        ways = {
            "callback": once_each(_callbacks(container, keys, prepared)),
            "signature": once_each(_signatures(container, keys, prepared)),
        }
    house.analyse("users", "user_keys", "sessions", "auth_challenges", "lnurl_challenges")
    rates = against_bare(world, settings, ways, name="logins", rounds=rounds, seconds=seconds)
    ratios = {name: rates.ratio(name) for name in ways}
    return {
        "login": min(ratios.values()),
        "login_callback": ratios["callback"],
        "login_signature": ratios["signature"],
        "login_callback_per_s": rates.per_s("callback"),
        "login_signature_per_s": rates.per_s("signature"),
        "login_floor_per_s": rates.bare_per_s,
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
