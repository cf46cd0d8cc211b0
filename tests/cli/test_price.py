"""Prices on the command line: a pair that nobody follows any more keeps its history and no alert."""

from datetime import timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli.price import price
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.networks import NETWORKS
from domain.prices import PriceRule
from models.audit import AuditLog
from models.price import ReferencePrice
from services import alerts, assets, prices
from wiring.container import Container
from wiring.environ import to_environ

BY = Actor("test")
PAIR = "BTC/USD"


def run(*words: str) -> Result:
    return CliRunner().invoke(price, [*words])


@pytest.fixture(autouse=True)
def stale(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair whose only source says nothing any more, which an alert tells."""
    for name, value in to_environ(container.settings).items():
        monkeypatch.setenv(name, value)
    with container.transaction() as session:
        now = container.now()
        assets.ensure_rail(session, NETWORKS["bitcoin"])
        prices.set_rule(session, PAIR, PriceRule(timedelta(minutes=5), 1, 500), now=now, by=BY)
        prices.add_source(session, PAIR, "peg", interval_s=60, fixed=Decimal(7), now=now, by=BY)
        prices.set_manually(session, PAIR, Decimal(7), now=now - timedelta(minutes=9), by=BY)
        prices.watch(session, now=now)
        assert [row.pair for row in alerts.standing(session)] == [PAIR]


def test_a_pair_that_is_followed_no_more_is_neither_asked_for_nor_an_alert(container: Container) -> None:
    answer = run("unfollow", PAIR)
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("note: pages show no worth of BTC now")
    assert run("show").output == "No price is followed: python -m cli price follow BTC/USD\n"
    again = run("unfollow", PAIR).exception
    assert isinstance(again, StrongroomError)
    assert "no price of 'BTC/USD' is followed" in str(again)
    with container.transaction() as session:
        now = container.now()
        assert prices.watch(session, now=now) == 0
        assert prices.claim_due(session, now=now) == []
        assert alerts.standing(session) == []
        assert session.scalars(select(ReferencePrice.price)).all() == [Decimal(7)]
        audited = session.scalars(select(AuditLog).where(AuditLog.event == "price.unfollowed")).one()
        assert audited.detail == {"pair": PAIR}
    with pytest.raises(prices.PairMissing), container.transaction() as session:
        prices.set_manually(session, PAIR, Decimal(8), now=container.now(), by=BY)
    assert run("follow", PAIR).exit_code == 0
    assert run("show").output.startswith(PAIR)
