"""What keeps house waits once for a node or a provider that is silent, and not for each thing that it would ask."""

from typing import Any, cast

from sqlalchemy import select

from domain.node_refusals import NodeTimeout
from domain.ports import Chain
from domain.provider_ports import Provider
from domain.rails import RAILS
from domain.wallet_facts import Holding, NewAddress
from models.asset import Asset
from models.buffer import BufferSnapshot
from services import assets
from tasks.addresses import refill_provider
from tasks.buffers import compare_chain
from wiring.container import Container

RAIL = RAILS["ethereum"]


class _Silent:
    """A node that takes every question and answers none in time."""

    rail = RAIL

    def __init__(self) -> None:
        self.asked: list[str] = []

    def holding(self, contract: str, **_: Any) -> Holding:
        self.asked.append(contract)
        raise NodeTimeout("the node did not answer in time")


class _SilentProvider:
    """The same of somebody who keeps money on several networks."""

    rail = RAILS["circle"]

    def __init__(self) -> None:
        self.asked: list[str] = []

    def new_addresses(self, _count: int, *, network: str, **_: Any) -> list[NewAddress]:
        self.asked.append(network)
        raise NodeTimeout("it did not answer in time")


def test_a_node_that_is_silent_is_waited_for_once_and_every_asset_of_it_is_unknown(container: Container) -> None:
    with container.transaction() as session:
        assets.ensure_rail(session, RAIL)
        kept = session.scalars(select(Asset.asset_id).where(Asset.chain == RAIL.chain)).all()
    silent = _Silent()
    assert compare_chain(container, cast("Chain", silent)) == "unknown"
    with container.reading() as session:
        told = {row.asset_id: (row.verdict, row.reason) for row in session.scalars(select(BufferSnapshot))}
    assert len(kept) > 1
    assert told == dict.fromkeys(kept, ("unknown", "node_timeout"))
    assert len(silent.asked) == 1


def test_a_provider_that_is_silent_is_waited_for_once_for_all_its_networks(container: Container) -> None:
    silent = _SilentProvider()
    assert refill_provider(container, cast("Provider", silent)) == 0
    assert len(silent.rail.networks) > 1
    assert len(silent.asked) == 1
