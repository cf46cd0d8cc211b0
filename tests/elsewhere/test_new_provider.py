"""A provider that nobody has heard of: one adapter, one row, one line, and its notifications are taken and acted on."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from domain import providers, rails
from domain.actor import Actor
from domain.ids import new_id
from domain.provider_facts import BadNotification, IncomingTransfer, Notification
from domain.provider_family import OwnSetting, ProviderAccess, ProviderFamily
from models.deposit import Deposit
from models.user import User
from models.webhook import ReceivedNotification
from services import addresses, assets, notifications_in
from tasks.addresses import refill_provider
from tasks.notifications_in import process_provider
from tests.application import application_of
from tests.services.custodian import AT, Custodian
from wiring import provider_families
from wiring.container import Container, build_container
from wiring.provider_settings import read_providers
from wiring.settings import Settings

BY = Actor("test")
NAME, ASSET, SECRET, TOKEN = "vault", "EURX.vault", "shared with the vault", "a word that nobody may read"
ENVIRONMENT = MappingProxyType({
    "STRONGROOM_PROVIDERS": NAME,
    "STRONGROOM_VAULT_API_KEY": "k",
    "STRONGROOM_VAULT_WEBHOOK_SECRET": SECRET,
    "STRONGROOM_VAULT_TOKEN": TOKEN,
})  # fmt: skip
ROW = providers.Custodian(
    NAME, "Vault", "https://vault.invalid", ASSET, "Euro in the vault", family="vaults",
    symbol="EURX", decimals=2, contract="EURX", places=MappingProxyType({}),
)  # fmt: skip


class VaultNotifications:
    """Implements `domain.ports.NotificationReader`: an HMAC over a moment and the body, and a token beside it."""

    topics = ("movements",)
    default_topic = "movements"
    headers = ("Vault-Moment", "Vault-Signature")
    secret_headers = ("Vault-Token",)

    def __init__(self, access: ProviderAccess) -> None:
        self._access = access

    def read(self, topic: str, headers: Mapping[str, str], body: bytes) -> Notification:
        expected = signature(headers.get("Vault-Moment", ""), body, self._access.webhook_secret)
        is_signed = hmac.compare_digest(expected, headers.get("Vault-Signature", ""))
        if not is_signed or headers.get("Vault-Token") != self._access.own["TOKEN"]:
            raise BadNotification("The vault did not send this.")
        said = json.loads(body)
        return Notification("vault_hmac", said["id"], topic, said["movement"])

    def verify(self, notification: Notification, key: bytes) -> bool:  # noqa: ARG002
        return False

    def fetch_key(self, key_name: str) -> bytes | None:  # noqa: ARG002
        return None

    def confirm(self, notification: Notification) -> None:
        """Nothing is offered."""


def signature(moment: str, body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Custodian:
    """What `docs/rails.md` says is to be written: the row, the adapter, and the line that names it."""
    adapter = Custodian(rail=ROW)
    family = ProviderFamily(lambda _: adapter, VaultNotifications, own=(OwnSetting("TOKEN", is_secret=True),))
    monkeypatch.setitem(providers._BY_NAME, NAME, ROW)
    monkeypatch.setitem(rails._BY_NAME, NAME, ROW)
    monkeypatch.setitem(provider_families._FAMILIES, ROW.family, family)
    return adapter


@pytest.fixture
def container(settings: Settings, vault: Custodian) -> Iterator[Container]:
    faults: list[str] = []
    made = build_container(replace(settings, providers=read_providers(ENVIRONMENT, faults)))
    assert faults == []
    with made.transaction() as session:
        assets.ensure_rail(session, ROW)
    refill_provider(made, vault)
    yield made
    made.engine.dispose()


def address(container: Container) -> str:
    user_id, now = new_id(), container.now()
    with container.transaction() as session:
        session.add(User(id=user_id, public_key="02" + user_id.hex * 2, created_at=now))
        session.flush()
        return addresses.issue(session, user_id=user_id, asset_id=ASSET, now=now, by=BY).address


def poster(client: FlaskClient, body: bytes) -> Callable[..., int]:
    def post(**changed: str) -> int:
        headers = {"Vault-Moment": "1", "Vault-Signature": signature("1", body), "Vault-Token": TOKEN}
        said = headers | {name.replace("_", "-"): value for name, value in changed.items()}
        return client.post(f"/webhooks/{NAME}", data=body, headers=said).status_code

    return post


def test_its_notifications_are_taken_once_and_acted_on_and_forgeries_are_counted(
    container: Container, vault: Custodian
) -> None:
    vault.story.append(IncomingTransfer("m-1", "EURX", address(container), 5_000, "final", AT))
    post = poster(application_of(container).test_client(), json.dumps({"id": "n-1", "movement": "m-1"}).encode())
    assert [post(), post(), post()] == [200, 200, 200]
    assert [post(Vault_Signature=signature("1", b"else")), post(Vault_Moment="2"), post(Vault_Token="x")] == [401] * 3
    assert process_provider(container, NAME, BY) == 1

    def one(query: Any) -> Any:
        with container.reading() as session:
            return session.execute(query).one()

    kept = one(select(ReceivedNotification.scheme, ReceivedNotification.outcome, ReceivedNotification.headers))
    assert kept[:2] == ("vault_hmac", "asked")
    assert set(kept[2]) == {"Vault-Moment", "Vault-Signature"}
    assert one(select(Deposit.state, Deposit.amount_minor)) == ("credited", 5_000)
    with container.reading() as session:
        assert notifications_in.refused(session, NAME, now=container.now()) == 3
        assert session.scalar(select(func.count()).select_from(ReceivedNotification)) == 1
