"""Conversions on the command line: terms are set and shown, pairs paused, and money of the owner set aside."""

import pytest
from click.testing import CliRunner, Result

from cli.conversion import conversion
from cli.ledger import ledger
from domain.errors import StrongroomError
from models.audit import AuditLog
from tests.conversions.desk import BOUGHT, BOUGHT_PRICE, SOLD, SOLD_PRICE, Desk
from wiring.container import Container
from wiring.environ import to_environ


def run(*words: str) -> Result:
    return CliRunner().invoke(conversion, [*words])


@pytest.fixture(autouse=True)
def desk(container: Container, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in to_environ(container.settings).items():
        monkeypatch.setenv(name, value)
    return Desk.open(container)


def test_terms_are_set_shown_and_paused(container: Container) -> None:
    words = ("--minimum", "0.5", "--maximum", "2", "--spread", "0.35", "--fee", "0")
    prices = ("--from-price", SOLD_PRICE, "--to-price", BOUGHT_PRICE)
    said = run("set", SOLD, BOUGHT, *words, *prices)
    assert said.exit_code == 0, said.output
    assert "users can gain by waiting" in said.output, "the price may move by 0.5 %"
    assert "users can gain by waiting" not in run("set", SOLD, BOUGHT, *words, *prices, "--tolerance", "0.35").output
    assert "0.50000000 to 2.00000000, spread 0.35 %, fee 0 %" in run("list").output
    assert "open" in run("list").output
    assert run("pause", SOLD, BOUGHT).exit_code == 0
    assert "paused" in run("list").output
    assert run("resume", SOLD, BOUGHT).exit_code == 0
    with container.reading() as session:
        events = [row.event for row in session.query(AuditLog).order_by(AuditLog.id) if row.actor == "cli"]
    assert events == ["conversion.terms_set", "conversion.terms_set", "conversion.paused", "conversion.resumed"]


@pytest.mark.parametrize("share", ["101", "-1", "x", "0.00001", "NaN"])
def test_a_share_that_cannot_be_meant_is_refused(share: str) -> None:
    assert run("set", SOLD, BOUGHT, "--minimum", "1", "--maximum", "2", "--spread", share).exit_code == 2


def test_only_what_is_the_owners_is_set_aside(container: Container) -> None:
    refused = run("fund", BOUGHT, "1").exception
    assert isinstance(refused, StrongroomError)
    assert refused.code == "equity_short"
    assert CliRunner().invoke(ledger, ["fund", BOUGHT, "5"]).exit_code == 0
    assert "15.000000000000000000 tETH are set aside" in run("fund", BOUGHT, "5", "--key", "k").output
    assert "was recorded before" in run("fund", BOUGHT, "5", "--key", "k").output
    assert "3.000000000000000000 tETH are set aside" in run("draw", BOUGHT, "12").output
    with container.reading() as session:
        told = [row.detail["amount"] for row in session.query(AuditLog) if row.event == "conversion.float_drawn"]
    assert told == ["12.000000000000000000"]
