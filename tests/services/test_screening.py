"""Nothing is credited that was paid by somebody on the list, or that a required service has not cleared."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from adapters.screening.http import HttpScreening
from models.deposit import Deposit
from models.flow import FlowEvent
from models.screening import DepositScreening
from services import deposits, ledger, screening
from tasks import screening as tasks
from tests.fakes.json_service import JsonService, serving
from tests.rail import BY, COIN, Rail
from tests.services import world


@pytest.fixture
def service(rail: Rail) -> Iterator[JsonService]:
    with serving() as running:
        running.answer = {"identifications": []}
        ask(rail, running)
        yield running


def ask(rail: Rail, service: JsonService, *, timeout_s: float = 10) -> None:
    """Have the rail ask this service, and wait so long for its answers."""
    url = f"{service.url}/{{chain}}/{{address}}"
    hook = HttpScreening(url, hit_path="identifications", headers={"X-API-Key": "k"}, timeout_s=timeout_s)
    rail.container = replace(rail.container, screening=hook)


def demand(rail: Rail, mode: str) -> None:
    with rail.container.transaction() as session:
        screening.set_mode(session, rail.chain.rail.chain, mode, now=rail.container.now(), by=BY)


def paid(rail: Rail) -> UUID:
    """A user whose payment has all its confirmations."""
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, COIN)
    rail.mine(6)
    rail.watch()
    rail.credit()
    return user_id


def senders(rail: Rail) -> tuple[str, ...]:
    deposit = rail.deposit()
    return rail.chain.senders(deposit.txid, deposit.vout, deposit.block_hash)  # type: ignore[attr-defined,no-any-return]


def listing(rail: Rail, *addresses: str) -> int:
    chain = rail.chain.rail.chain
    with rail.container.transaction() as session:
        entries = [(chain, address, "stolen coins") for address in addresses]
        return screening.put_on_many(session, entries, now=rail.container.now(), by=BY)


def screen(rail: Rail) -> int:
    count = tasks.screen_chain(rail.container, rail.chain, BY)  # type: ignore[arg-type]
    rail.credit()
    return count


def state(rail: Rail) -> str:
    return str(rail.deposit().state)


def test_a_rail_that_demands_the_list_credits_only_after_a_look(rail: Rail) -> None:
    demand(rail, "list")
    user_id = paid(rail)
    assert (state(rail), rail.balance(user_id)) == ("confirming", (0, 0))
    assert screen(rail) == 1
    assert (state(rail), rail.balance(user_id)) == ("credited", (COIN, 0))
    with rail.container.reading() as session:
        row = session.query(DepositScreening).one()
    assert (row.verdict, row.senders) == ("clear", list(senders(rail)))
    rail.assert_sound()


def test_a_sender_on_the_list_is_set_aside_and_suspense_has_the_money(rail: Rail) -> None:
    demand(rail, "list")
    user_id = paid(rail)
    assert senders(rail)
    assert listing(rail, *senders(rail)) == len(senders(rail))
    assert listing(rail, *senders(rail)) == 0
    screen(rail)
    assert (state(rail), rail.balance(user_id)) == ("quarantined", (0, 0))
    with rail.container.reading() as session:
        [why] = deposits.of_deposits(session, [rail.deposit().id]).values()
        assert (why.cause, "stolen coins" in why.reason) == ("bad_actor_list", True)
        assert ledger.system_balance(session, "suspense", rail.asset_id) == COIN
    rail.assert_sound()


def test_what_is_listed_after_the_look_and_before_the_credit_still_stops_it(rail: Rail) -> None:
    demand(rail, "list")
    world.set_asset(rail, confirmation_tiers=[[None, 8]])
    paid(rail)
    screen(rail)
    assert state(rail) == "confirming"
    listing(rail, *senders(rail))
    rail.mine(6)
    rail.watch()
    rail.credit()
    assert state(rail) == "confirming"
    screen(rail)
    assert state(rail) == "quarantined"


def test_listing_an_address_has_its_rail_screened_from_then_on(rail: Rail) -> None:
    listing(rail, rail.outside_address())
    paid(rail)
    assert state(rail) == "confirming"
    screen(rail)
    assert state(rail) == "credited"


def test_an_operator_who_releases_a_hit_is_not_overruled(rail: Rail) -> None:
    demand(rail, "list")
    user_id = paid(rail)
    listing(rail, *senders(rail))
    screen(rail)
    with rail.container.transaction() as session:
        deposits.release(
            session, rail.deposit().id, decider_id=rail.new_user(), reason="fine", now=rail.container.now(), by=BY
        )
    assert screen(rail) == 0
    assert rail.balance(user_id) == (COIN, 0)
    rail.assert_sound()


@pytest.mark.causes("screening_waits")
@pytest.mark.parametrize("trouble", ["hangs", "garbage", "down", "lies"])
def test_a_required_service_that_says_nothing_holds_the_deposit(rail: Rail, service: JsonService, trouble: str) -> None:
    demand(rail, "hook")
    user_id = paid(rail)
    service.trouble = trouble
    if trouble == "hangs":
        ask(rail, service, timeout_s=0.3)
    if trouble == "lies":
        service.answer = {"identifications": "none"}
    assert screen(rail) == 0
    assert screen(rail) == 0
    assert (state(rail), rail.balance(user_id)) == ("confirming", (0, 0))
    assert len(service.asked) == 1  # not due again yet
    assert world.standing(rail) == {"screening_waits": "warning"}
    with rail.container.reading() as session:
        # Its owner reads that, and nothing of what is asked or why it does not answer.
        notes = session.scalars(select(FlowEvent.detail).where(FlowEvent.detail.has_key("screening"))).all()
        assert notes == [{"screening": "waits"}]
    service.trouble, service.answer = "", {"identifications": []}
    ask(rail, service)
    world.travel(rail, timedelta(minutes=6))
    assert screen(rail) == 1
    assert (state(rail), world.standing(rail), rail.balance(user_id)) == ("credited", {}, (COIN, 0))
    assert service.headers[-1]["X-API-Key"] == "k"


def test_a_required_service_that_names_a_sender_has_the_deposit_set_aside(rail: Rail, service: JsonService) -> None:
    demand(rail, "hook")
    paid(rail)
    service.answer = {"identifications": [{"category": "sanctions"}]}
    screen(rail)
    assert state(rail) == "quarantined"
    assert rail.count(Deposit) == 1


def test_without_a_service_a_rail_that_requires_one_credits_nothing(rail: Rail) -> None:
    demand(rail, "hook")
    paid(rail)
    screen(rail)
    assert (state(rail), world.standing(rail)) == ("confirming", {"screening_waits": "warning"})


def test_newly_made_coins_have_no_sender_and_are_clear(rail: Rail, service: JsonService) -> None:
    demand(rail, "hook")
    user_id = rail.new_user()
    rail.node.call("generatetoaddress", 1, rail.new_address(user_id).address)
    rail.watch()
    assert (senders(rail), screen(rail), service.asked) == ((), 1, [])


def test_a_list_with_a_line_that_is_no_address_is_refused_as_a_whole(rail: Rail) -> None:
    good = rail.outside_address()
    with pytest.raises(screening.SpellingRefused):
        listing(rail, good, "not an address")
    with rail.container.reading() as session:
        assert screening.listed(session, limit=5) == []
        assert screening.modes(session) == {}
    with pytest.raises(screening.NotScreenable):
        screening.spelled("circle", good)
