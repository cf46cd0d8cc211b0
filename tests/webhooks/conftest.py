"""An endpoint, its receiver, and a house that may reach it."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from auth.oauth.provider import Provider
from domain.actor import Actor
from models.webhook_out import WebhookDelivery, WebhookEndpoint
from services import webhooks_out
from services.webhooks_out import Owner
from tasks import webhooks
from tasks.couriers import Couriers
from tests import horizon
from tests.services import logged
from tests.webhooks.receiver import Receiver, receiving
from wiring.container import Container

HOUSE = Owner(None)
BY = Actor("test")


@dataclass
class Post:
    """A house that tells others, with a clock that can be moved."""

    container: Container
    couriers: Couriers
    late: list[timedelta] = field(default_factory=list)

    def endpoint(
        self, url: str, *, owner: Owner = HOUSE, kinds: Sequence[str] = ("*",), **values: Any
    ) -> tuple[UUID, str]:
        with self.container.transaction() as session:
            row, secret = webhooks_out.create(
                session, owner, url=url, kinds=kinds, description="", client_id=values.get("client_id"),
                allow_private=True, box=self.box, now=self.container.now(), by=BY,
            )  # fmt: skip
            return row.id, secret

    @property
    def box(self) -> Any:
        settings = self.container.settings
        return Provider(settings.public_url, settings.secret_key.reveal()).box()

    def happens(self, count: int = 1, *, user_id: UUID | None = None, kind: str = "withdrawal") -> Sequence[UUID]:
        """Flows begin, and messages about them are written."""
        with self.container.transaction() as session:
            made = logged.opened(session, self.container, count=count, user_id=user_id, kind=kind)
        horizon.reached(self.container.engine)
        webhooks.write(self.container)
        return made

    def deliver(self) -> int:
        """Send what is due, and wait for what came of it."""
        sent = webhooks.send_due(self.container, self.couriers)
        self.couriers.await_all()
        return sent

    def pass_time(self, **time: float) -> None:
        """It is later now."""
        self.late.append(timedelta(**time))

    def messages(self, endpoint_id: UUID) -> list[WebhookDelivery]:
        with self.container.reading() as session:
            found = session.query(WebhookDelivery).filter_by(endpoint_id=endpoint_id)
            return sorted(found, key=lambda row: row.id)

    def row(self, endpoint_id: UUID) -> WebhookEndpoint:
        with self.container.reading() as session:
            return session.get_one(WebhookEndpoint, endpoint_id)


@pytest.fixture
def post(container: Container) -> Iterator[Post]:
    late: list[timedelta] = []
    settings = replace(container.settings, webhook_private=True)
    clocked = replace(container, settings=settings, clock=lambda: container.clock() + sum(late, timedelta()))
    logged.add_asset(clocked)
    made = Post(clocked, Couriers("test", count=6), late)
    webhooks.write(clocked)  # from here on
    yield made
    made.couriers.end()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def other_secret() -> str:
    return "whsec_" + base64.b64encode(bytes(32)).decode()
