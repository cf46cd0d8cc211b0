"""The page of a flow tells what is particular to its kind, and offers only what can be done."""

import pytest

from domain.actor import Actor
from domain.ids import short_id
from models.replenishment import Replenishment
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal
from services import assets, replenishments, verifications
from services.verifications import add_address
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House
from tests.pages.reader import Reader
from tests.pages.test_quarantined import set_aside

BY = Actor("test")
TX = "ab" * 32


@pytest.fixture
def house(own_house: House) -> House:
    """These tests have flows that nothing else may move."""
    return own_house


def test_a_deposit_that_is_paid_back_leads_to_its_return_which_nobody_can_cancel(
    house: House, owner: Reader, approver: Reader
) -> None:
    deposit = set_aside(house, owner)
    flow = f"/flows/{short_id(deposit.flow_id)}"
    shown = approver.text(flow)
    assert "bad actor list: stolen coins" in shown
    assert "Release it or pay it back" in shown
    assert "Release it or pay it back" not in owner.text(flow)
    form = {"destination": DESTINATION, "reason": "asked for", "typed": short_id(deposit.flow_id)}
    assert approver.post(f"/operator/deposits/{deposit.id}/return", **form).status_code == 303
    with house.container.reading() as session:
        made = session.query(Withdrawal).one()
    back = f"/flows/{short_id(made.flow_id)}"
    assert f'href="{back}"' in owner.get(flow).text
    shown = owner.text(back)
    assert "The deposit that this pays back" in shown
    assert made.state == "pending_approval"
    assert "Cancel" not in shown
    assert "Cancel this withdrawal" in owner.text(str(owner.withdraw("1").location))


def test_an_order_of_funds_is_approved_and_cancelled_on_its_own_page(house: House, approver: Reader) -> None:
    house.fill_pool(1)
    with house.container.transaction() as session:
        order = replenishments.propose(
            session, ASSET, 5 * COIN, reason="the low mark was reached", now=house.container.now(), by=BY
        )
        flow, place = f"/flows/{short_id(order.flow_id)}", f"/operator/buffers/orders/{order.id}"
    shown = approver.text(flow)
    assert "the low mark was reached" in shown
    assert "+ 5.000 000 00" in shown.replace("\u2009", " ")
    assert approver.post(f"{place}/approve", from_flow="1").location == flow
    assert "Send it to" in approver.text(flow)
    assert approver.post(f"{place}/cancel", from_flow="1", reason="enough").location == flow
    assert "Cancel this order" not in approver.text(flow)
    with house.container.reading() as session:
        assert session.query(Replenishment).one().state == "cancelled"


def test_a_claim_without_an_amount_says_so_and_can_be_asked_about_again(
    house: House, owner: Reader, approver: Reader
) -> None:
    now = house.container.now()
    with house.container.transaction() as session:
        add_address(session, NETWORK.chain, DESTINATION, client_id=None, now=now, by=BY)
        claim = verifications.request(
            session, user_id=owner.person.user_id, client_id=None, asset=assets.get(session, ASSET),
            chain=NETWORK.chain, tx_hash=TX, to=None, amount_minor=None, reference="", now=now, by=BY,
        )  # fmt: skip
        flow, place = f"/flows/{short_id(claim.flow_id)}", f"/operator/claims/{claim.id}/ask"
    shown = owner.text(flow)
    assert "no amount was named" in shown
    assert 'class="amount large"' not in owner.get(flow).text
    assert "Ask its chain again" not in shown
    home = owner.text("/")
    assert f"no amount named claim of {TX[:6]}" in home
    assert "another user" not in home
    assert owner.post(place).status_code == 403
    assert approver.post(place).location == flow
    with house.container.transaction() as session:
        session.query(PaymentVerification).update({"state": "uncertain", "reason": "not_found", "paid_minor": COIN})
    home = owner.text("/").replace("\u2009", " ")
    assert "+ 1.000 000 00" in home
    assert "The transaction has not been found on the chain yet." in home
    shown = approver.text(flow)
    assert "The transaction has not been found on the chain yet." in shown
    assert "Ask its chain again" in shown


def test_a_transfer_names_both_sides_to_operators_only(house: House, owner: Reader, approver: Reader) -> None:
    other = Reader(house, house.person())
    sent = owner.post("/send", asset="rLTC", amount="1", to=other.person.public_key, idempotency_key="page-1")
    flow = str(sent.location)
    assert f"user {short_id(other.person.user_id)}" in approver.text(flow)
    sender = owner.text(flow)
    assert "you another user" in sender
    assert "· you" in sender
    assert short_id(owner.person.user_id) not in sender
    assert f'data-copy="{other.person.public_key}" aria-label="Copy the To"' in owner.get(flow).text
    assert "another user you" in other.text(flow)
