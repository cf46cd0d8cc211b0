"""Wallets are compared with the books, whoever of those that are asked for them is silent."""

from typing import Any, cast

from sqlalchemy import select

from domain.node_refusals import NodeTimeout
from domain.ports import Chain
from domain.rails import RAILS
from domain.wallet_facts import Holding
from models.asset import Asset
from models.buffer import BufferSnapshot
from services import assets
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
