"""What it costs to take a custodian's notification: verified, stored and promised to a task, next to a bare view."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from bench import versus
from bench.world import World
from services import notifications_in
from tests.fakes.circle import KEY, WALLET, Delivery, FakeCircle
from wiring.provider_settings import ProviderSettings
from wiring.secret import Secret

NAME: Final = "circle-sandbox"
ROUNDS: Final = 4
SECONDS: Final = 2.0
NOTIFICATIONS: Final = 25_000
"""More than can be taken in that time: each is posted once, as a first delivery is the dearest."""


def webhook_acceptance(world: World) -> dict[str, float]:
    """Notifications of Circle accepted per second ÷ answers of the bare view, in turns: the median."""
    house = world.house("webhooks")
    circle = FakeCircle()
    circle.stop()  # it signs, and need not answer
    configured = ProviderSettings(chain=NAME, url=circle.url, api_key=Secret(KEY), own={"WALLET_ID": Secret(WALLET)})
    settings = replace(house.settings, providers=(configured,))
    with house.container() as container, container.transaction() as session:
        public = circle.signing.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        notifications_in.keep_key(session, NAME, f"circle:{circle.key_id}", public, now=container.now())
    posted = versus.once_each(_posts(circle))
    ways = {"webhook_acceptance": posted}
    rates = versus.against_bare(world, settings, ways, name="webhooks", rounds=ROUNDS, seconds=SECONDS)
    with house.container() as container, container.reading() as session:
        verified = session.execute(text("SELECT DISTINCT verified FROM received_notifications")).scalars().all()
    if verified != [True]:
        raise RuntimeError("notifications were taken unverified")
    return {
        "webhook_acceptance": rates.ratio("webhook_acceptance"),
        "webhook_accepted_per_s": rates.per_s("webhook_acceptance"),
        "webhook_acceptance_floor_per_s": rates.bare_per_s,
    }


def _posts(circle: FakeCircle) -> list[bytes]:
    return [_post(circle.notification(str(uuid4()))) for _ in range(NOTIFICATIONS)]


def _post(delivery: Delivery) -> bytes:
    lines: Sequence[str] = [
        f"POST /webhooks/{NAME}/{delivery.topic} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(delivery.body)}",
        *(f"{name}: {value}" for name, value in delivery.headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + delivery.body
