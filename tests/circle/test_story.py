"""Circle as a rail: what comes in is credited once, what goes out is asked for once, and nothing is guessed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from api.pages import flow_clues
from auth import roles
from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.providers import PROVIDERS
from models.deposit import Deposit
from models.payout import PayoutTransaction
from services import deposits, flow_search, ledger, payouts, withdrawals
from services.addresses import UnknownNetwork
from services.flow_search import Wanted
from tests.circle.house import ASSET, BY, FEE, OUTSIDE, USDC, House
from tests.fakes.circle import FakeCircle
from wiring.settings import Settings

HASH = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"


def test_each_user_has_one_address_for_each_network(house: House) -> None:
    user_id = house.user()
    mine = house.address(user_id)
    assert mine.startswith("ETH:0x")
    assert house.address(user_id) == mine
    assert house.address(user_id, "sol").startswith("SOL:")
    assert house.address(house.user()) != mine
    with pytest.raises(UnknownNetwork):
        house.address(user_id, "DOGE")


def test_what_comes_in_is_credited_when_it_is_final(house: House, circle: FakeCircle) -> None:
    user_id = house.user()
    waiting = circle.arrives(house.address(user_id, "SOL"), "25.50", "pending")
    small = circle.arrives(house.address(user_id), "0.99")
    circle.arrives("ETH:0x3333333333333333333333333333333333333333", "7.00")
    house.collect()
    assert house.deposits() == {waiting: "seen", small: "below_minimum"}
    assert house.balance(user_id) == (0, 0)
    circle.decides(waiting, "complete")
    house.collect()
    assert house.deposits()[waiting] == "credited"
    assert house.balance(user_id) == (25 * USDC + USDC // 2, 0)
    assert house.collect() == 0
    assert house.standing() == set()


def test_by_choice_what_is_announced_is_credited_at_once_and_taken_back_when_it_fails(
    settings: Settings, circle: FakeCircle, house: House
) -> None:
    hasty = House(settings, circle, CREDITS_PENDING="yes")
    kept, spent = hasty.user(), hasty.user()
    [first, second] = [circle.arrives(hasty.address(user_id), "30.00", "pending") for user_id in (kept, spent)]
    hasty.collect()
    assert hasty.balance(kept) == hasty.balance(spent) == (30 * USDC, 0)
    assert hasty.compare() == "ok"
    hasty.withdraw(spent, 20 * USDC)
    for transfer_id in (first, second):
        circle.decides(transfer_id, "failed")
    hasty.collect()
    assert hasty.balance(kept) == (0, 0)
    assert hasty.deposits() == {first: "replaced", second: "replaced"}
    assert hasty.balance(spent) == (10 * USDC - FEE, 20 * USDC + FEE)
    assert hasty.standing() == {"deposit_undone_after_spending"}
    hasty.close()


def test_a_backlog_longer_than_a_listing_is_read_from_its_beginning(house: House, circle: FakeCircle) -> None:
    address = house.address(house.user())
    told = [circle.arrives(address, "2.00") for _ in range(620)]
    house.collect()
    assert set(house.deposits()) == set(told)
    assert set(house.deposits().values()) == {"credited"}


def test_what_circle_hid_when_it_was_asked_is_found_later(house: House, circle: FakeCircle) -> None:
    address = house.address(house.user())
    late = circle.arrives(address, "2.00")
    circle.hidden.add(late)
    circle.arrives(address, "3.00")
    assert house.collect() == 1
    circle.hidden.clear()
    assert house.collect() == 1
    assert house.deposits()[late] == "credited"


def test_a_withdrawal_is_asked_for_once_and_completed_with_its_fee(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    assert transfer["amount"] == {"amount": "20.00", "currency": "USD"}
    assert transfer["destination"]["chain"] == "ETH"
    assert (house.payout().state, house.payout().provider_id) == ("broadcast", transfer["id"])
    assert house.compare() == "ok"
    circle.decides(transfer["id"], "complete", fee="0.35")
    house.sweep()
    payout = house.payout()
    assert (payout.state, payout.fee_minor) == ("completed", 350_000)
    assert house.withdrawal().state == "completed"
    assert house.balance(user_id) == (480 * USDC - FEE, 0)
    assert (house.compare(), house.standing(), len(circle.outgoing())) == ("ok", set(), 1)


def test_an_answer_that_never_came_leaves_a_doubt_until_the_same_key_is_asked_again(
    house: House, circle: FakeCircle
) -> None:
    user_id = house.funded()
    circle.server.swallows.append("POST /v1/transfers")
    house.withdraw(user_id)
    house.pay()
    assert house.payout().state == "uncertain"
    assert house.standing() == {"withdrawal_uncertain"}
    house.sweep()
    assert (house.payout().state, len(circle.outgoing())) == ("broadcast", 1)
    circle.decides(circle.outgoing()[0]["id"], "complete")
    house.sweep()
    assert house.withdrawal().state == "completed"
    assert house.standing() == set()


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_failed_may_have_acted(house: House, circle: FakeCircle, status: int) -> None:
    user_id = house.funded()
    circle.server.breaks.append(("POST /v1/transfers", status))
    house.withdraw(user_id)
    house.pay()
    assert house.payout().state == "uncertain"
    assert house.balance(user_id)[1] == 20 * USDC + FEE
    house.sweep()
    assert len(circle.outgoing()) == 1


def test_a_no_to_the_first_request_is_proof_and_gives_the_funds_back(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    circle.refuses = "Invalid destination address"
    house.withdraw(user_id)
    house.pay()
    payout = house.payout()
    assert (payout.state, payout.void_because, payout.reason) == ("failed", "refused", "Invalid destination address")
    assert house.balance(user_id) == (500 * USDC, 0)
    assert house.standing() == set()


def test_that_something_went_wrong_is_no_no(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    circle.refuses, circle.refusal_code = "Something went wrong.", -1
    house.withdraw(user_id)
    house.pay()
    assert (house.payout().state, house.balance(user_id)[1]) == ("uncertain", 20 * USDC + FEE)
    circle.refuses = ""
    house.sweep()
    assert (house.payout().state, len(circle.outgoing())) == ("broadcast", 1)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_no_after_an_answer_was_lost_proves_nothing(house: House, circle: FakeCircle, by_hand: bool) -> None:
    user_id = house.funded()
    circle.server.swallows.append("POST /v1/transfers")
    house.withdraw(user_id)
    house.pay()
    circle.by_key.clear()
    circle.refuses = "Address is blocked"
    if by_hand:
        with house.container.transaction() as session:
            payouts.retry(session, house.payout().id, now=house.container.now(), by=BY)
    house.sweep()
    assert house.payout().state == "uncertain"
    assert house.balance(user_id)[1] == 20 * USDC + FEE


def test_a_transfer_that_failed_at_circle_gives_the_funds_back(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    transfer["riskEvaluation"] = {"decision": "denied", "reason": "3220"}
    circle.decides(transfer["id"], "failed", error="transfer_denied")
    house.sweep()
    assert (house.payout().state, house.payout().reason) == ("failed", "transfer_denied (3220)")
    assert house.balance(user_id) == (500 * USDC, 0)
    assert (house.compare(), house.standing()) == ("ok", set())


def test_an_unreadable_balance_is_unknown_and_a_wrong_one_a_mismatch(house: House, circle: FakeCircle) -> None:
    house.funded()
    circle.server.breaks.append(("GET /v1/wallets", 500))
    assert house.compare() == "unknown"
    circle.balance_minor -= USDC
    assert house.compare() == "mismatch"


def test_polling_keeps_to_its_interval_unless_it_is_hinted_at(house: House, circle: FakeCircle) -> None:
    patient = House(house.container.settings, circle)
    patient.provider.__dict__["poll_interval"] = timedelta(hours=1)
    patient.collect()
    asked = circle.server.count("GET /v1/transfers")
    patient.collect()
    assert circle.server.count("GET /v1/transfers") == asked
    told = circle.arrives(patient.address(patient.user()), "3.00")
    assert patient.post(circle.relayed(told)) == 200
    patient.process()
    assert patient.deposits() == {told: "credited"}
    patient.close()


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        (f"sol:{HASH}", f"SOL:{HASH}"),
        ("matic:0x2222222222222222222222222222222222222222", "POLY:0x2222222222222222222222222222222222222222"),
    ],
)
def test_destinations_name_their_chain(typed: str, canonical: str) -> None:
    assert PROVIDERS["circle"].parse_destination(typed).text == canonical


@pytest.mark.parametrize("typed", ["", HASH, f"ETH:{HASH}", "SOL:0x22", f"BTC:{HASH}", None, "SOL:" + "1" * 32])
def test_what_is_no_destination_is_refused(typed: object) -> None:
    with pytest.raises((InvalidAddress, UnsupportedAddress)):
        PROVIDERS["circle"].parse_destination(typed)


def test_a_withdrawal_is_found_by_what_circle_and_we_call_it_and_so_is_a_deposit(
    house: House, circle: FakeCircle
) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    [told] = house.deposits()
    with house.container.reading() as session:
        reference = session.scalars(select(PayoutTransaction.txid)).one()
        for known, kind in ((transfer["id"], "withdrawal"), (reference, "withdrawal"), (told, "deposit")):
            found = flow_search.search(session, Wanted(tx_hash=known), before=None, limit=9)
            assert [flow.kind for flow in found] == [kind]
            assert [clue.field for clue in flow_clues.follow(session, known.upper())] == ["tx_hash"]


def test_a_transfer_that_fails_after_it_was_complete_is_told_and_given_back(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    circle.decides(transfer["id"], "complete", fee="0.10")
    house.sweep()
    assert house.withdrawal().state == "completed"
    circle.decides(transfer["id"], "failed", error="transfer_denied")
    assert house.post(circle.relayed(transfer["id"])) == 200
    house.process()
    assert (house.standing(), house.compare()) == ({"completed_payout_returned"}, "ok")
    with house.container.transaction() as session:
        payouts.book_return(session, house.payout().id, now=house.container.now(), by=BY)
    assert house.balance(user_id) == (500 * USDC, 0)
    assert (house.standing(), house.compare()) == (set(), "ok")


def test_the_return_of_a_deposit_that_comes_back_itself_is_set_aside_again(house: House, circle: FakeCircle) -> None:
    user_id, operator, another = house.user(), house.user(), house.user()
    arriving = circle.arrives(house.address(user_id), "20.00", "pending")
    house.collect()
    with house.container.transaction() as session:
        [deposit] = session.scalars(select(Deposit)).all()
        deposits.quarantine(
            session, deposit.id, cause="operator", reason="looked odd", now=house.container.now(), by=BY
        )
    circle.decides(arriving, "complete")
    house.sweep()
    with house.container.transaction() as session:
        now = house.container.now()
        roles.grant(session, operator, "approver", by=BY.name, now=now)
        made = deposits.give_back(
            session, deposit.id, destination=OUTSIDE, decider_id=operator, reason="not ours", now=now, by=BY
        )
        withdrawals.approve(session, made.id, approver_id=another, now=now, by=BY)
    house.pay()
    [transfer] = circle.outgoing()
    circle.decides(transfer["id"], "complete")
    house.sweep()
    circle.decides(transfer["id"], "failed")
    house.travel(timedelta(hours=2))
    house.follow()
    with house.container.transaction() as session:
        payouts.book_return(session, house.payout().id, now=house.container.now(), by=BY)
    with house.container.reading() as session:
        assert ledger.system_balance(session, "suspense", ASSET) == 20 * USDC
    assert (house.deposits(), house.balance(user_id)) == ({arriving: "quarantined"}, (0, 0))
    assert (house.standing(), house.compare()) == (set(), "ok")


def test_an_answer_about_another_transfer_settles_nothing(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [ours] = circle.outgoing()
    circle.decides(ours["id"], "complete")
    circle.transfers[ours["id"]] = {**ours, "id": "another"}
    house.sweep()
    assert house.withdrawal().state == "uncertain"
    circle.transfers[ours["id"]] = ours
    house.sweep()
    assert (house.withdrawal().state, house.balance(user_id)) == ("completed", (480 * USDC - FEE, 0))
