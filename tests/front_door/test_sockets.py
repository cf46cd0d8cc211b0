"""Socket.IO through nginx and two realtime processes: every client stays with the one that knows it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.front_door.conftest import Site
from tests.realtime.client import Client

CLIENTS = 20
"""All of them hear of each that comes and goes, and ask again: many more would be more than nginx lets one address."""
SHOWN: dict[str, Callable[[str], dict[str, str]]] = {
    "headers": lambda token: {"Authorization": f"Bearer {token}"},
    "auth": lambda token: {"token": token},
    "cookies": lambda token: {"__Host-session": token},
}
ADDRESSES = count(1)


class From(HTTPAdapter):
    """Has requests come from this address: nginx counts what comes from one, in all tests together."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        """Make the connections."""
        super().init_poolmanager(*sizes, source_address=(self._address, 0), **options)


@contextmanager
def clients(site: Site, transport: str, sockets: list[dict[str, Any]]) -> Iterator[list[Client]]:
    """Sockets that are opened at the same time, all from one address; who polls, from another one each time."""
    address = f"127.0.1.{next(ADDRESSES)}"

    def connect(options: dict[str, Any]) -> Client:
        session = requests.Session()
        session.mount("https://", From(address))
        session.cookies.update(options.pop("cookies", {}))  # with every request, as browsers do
        session.trust_env = False  # it would put a machine's own authorities before ours
        session.verify = str(site.door.directory / "certificate.pem")
        return Client(site.door.url, transport=transport, http_session=session, **options)

    with ThreadPoolExecutor(10) as pool:
        opened = list(pool.map(connect, sockets))
    try:
        yield opened
    finally:
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(Client.close, opened))


def test_every_client_that_polls_connects_and_hears_what_others_say(site: Site) -> None:
    people = [site.house.person() for _ in range(CLIENTS)]
    with clients(site, "polling", [{"cookies": {"__Host-session": one.token}} for one in people]) as opened:
        assert sum(client.connected for client in opened) == CLIENTS
        for client in opened:
            client.await_event("online_users")
        told = opened[0].ask("message", {"to": people[-1].public_key, "message": "hello"})
        assert "error" not in told, told
        assert opened[-1].await_event("message")["message"] == "hello"
    assert len(_processes(site)) == 2, "all were sent to one process"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("where", SHOWN)
def test_who_connects_may_show_their_token_in_any_way(site: Site, transport: str, where: str) -> None:
    """python-socketio sends the headers it is given with the first request of a connection and with no other."""
    people = [site.house.person() for _ in range(2)]
    with clients(site, transport, [{where: SHOWN[where](one.token)} for one in people]) as opened:
        for client in opened:
            client.await_event("online_users")
        opened[0].ask("message", {"to": people[1].public_key, "message": "hello"})
        assert opened[1].await_event("message")["message"] == "hello"


def _processes(site: Site) -> set[str]:
    lines = map(json.loads, (site.door.directory / "access.log").read_text().splitlines())
    return {line["upstream"] for line in lines if line["path"] == "/socket.io/" and line["status"] == 200}
