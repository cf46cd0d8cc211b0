"""What suspense carries for good is booked once two operators say so, and never more than it carries."""

import signal
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis.strategies import integers, lists, sampled_from, tuples
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.flows import WrongState
from domain.ledger import Transaction, Transfer
from models.audit import AuditLog
from models.loss import Loss
from services import conversions, deposits, flow_search, ledger, losses
from services.losses import NotThatMuch, ProposedByYou
from tests.dying import die_at
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.threads import at_once

ONE, OTHER = Actor("operator:one"), Actor("operator:other")


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def lose(session: Session, rail: Rail, amount_minor: int) -> None:
    """What a deep fork does with a deposit that was spent; less than nothing, what its coming back does."""
    suspense = ledger.system_account(session, "suspense", rail.asset_id)
    hot_wallet = ledger.system_account(session, "hot_wallet", rail.asset_id)
    sides = (suspense, hot_wallet) if amount_minor > 0 else (hot_wallet, suspense)
    leg = Transfer(*sides, abs(amount_minor))
    ledger.post_one(session, Transaction(str(uuid4()), "test", (leg,), effective_at=rail.container.now()))


def propose(rail: Rail, amount_minor: int, by: Actor = ONE) -> UUID:
    now = rail.container.now()
    with rail.container.transaction() as session:
        return losses.propose(session, rail.asset_id, amount_minor, reason="gone", now=now, by=by).id


def agree(rail: Rail, loss_id: UUID, by: Actor = OTHER) -> None:
    with rail.container.transaction() as session:
        losses.agree(session, loss_id, now=rail.container.now(), by=by)


def stands(rail: Rail) -> tuple[int, int]:
    """What suspense lacks, and what is booked as lost."""
    with rail.container.reading() as session:
        lost = ledger.system_balance(session, "losses", rail.asset_id)
        return losses.carried(session, rail.asset_id), lost


def test_a_loss_is_booked_by_two_and_leaves_suspense(rail: Rail) -> None:
    with rail.container.transaction() as session:
        lose(session, rail, COIN)
        owned = conversions.owned(session, rail.asset_id)
    loss_id = propose(rail, COIN)
    with pytest.raises(ProposedByYou):
        agree(rail, loss_id, ONE)
    assert stands(rail) == (COIN, 0)
    agree(rail, loss_id)
    assert stands(rail) == (0, COIN)
    with pytest.raises(WrongState):
        agree(rail, loss_id)
    [row] = rail.rows(Loss)
    assert world.states(rail, row.flow_id) == ["proposed", "booked"]
    with rail.container.reading() as session:
        assert flow_search.of_row(session, loss_id) == [row.flow_id]
        assert conversions.owned(session, rail.asset_id) == owned  # it was counted as lost before
        said = session.scalars(select(AuditLog).where(AuditLog.event.like("loss.%")).order_by(AuditLog.id)).all()
    assert [(entry.event, entry.actor, entry.detail["reason"]) for entry in said] == [
        ("loss.proposed", ONE.name, "gone"), ("loss.booked", OTHER.name, "gone"),
    ]  # fmt: skip
    rail.assert_sound()


def test_an_agreement_that_dies_before_its_commit_never_happened(rail: Rail) -> None:
    with rail.container.transaction() as session:
        lose(session, rail, COIN)
    loss_id = propose(rail, COIN)
    assert die_at(rail.container, "agree", "loss.booking", str(loss_id)) == -signal.SIGKILL
    assert stands(rail) == (COIN, 0)
    assert die_at(rail.container, "agree", "", str(loss_id)) == 0
    assert stands(rail) == (0, COIN)
    with pytest.raises(WrongState):
        agree(rail, loss_id)
    assert stands(rail) == (0, COIN)


def test_what_came_back_after_it_was_booked_makes_up_for_it(rail: Rail) -> None:
    with rail.container.transaction() as session:
        lose(session, rail, COIN)
    agree(rail, propose(rail, COIN))
    with rail.container.transaction() as session:
        lose(session, rail, -COIN)
    assert stands(rail) == (-COIN, COIN)
    agree(rail, propose(rail, COIN))
    assert stands(rail) == (0, 0)
    rail.assert_sound()


def test_a_payment_in_suspense_can_be_refused_and_proposed_again(rail: Rail) -> None:
    now = rail.container.now()
    with rail.container.transaction() as session:
        facts = {"txid": "00", "reason": "unexplained", "key": str(uuid4())}
        loss_id = losses.carry(session, rail.asset_id, COIN, **facts, now=now, by=BY).id
    with pytest.raises(NotThatMuch):
        propose(rail, 1)  # it is this payment's
    with rail.container.transaction() as session:
        losses.propose_payment(session, loss_id, reason="stolen", now=now, by=ONE)
        losses.refuse(session, loss_id, reason="ask the police first", now=now, by=OTHER)
        losses.propose_payment(session, loss_id, reason="stolen, said the police", now=now, by=OTHER)
    agree(rail, loss_id, ONE)
    assert stands(rail) == (0, COIN)
    [row] = rail.rows(Loss)
    assert row.reason == "stolen, said the police"
    assert world.states(rail, row.flow_id) == ["carried", "proposed", "carried", "proposed", "booked"]


def test_what_suspense_owes_is_no_gain(rail: Rail) -> None:
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.watch()
    with rail.container.transaction() as session:
        found = rail.deposit().id
        deposits.quarantine(session, found, cause="operator", reason="on a list", now=rail.container.now(), by=BY)
    rail.mine()
    rail.watch()
    assert stands(rail) == (0, 0)
    with pytest.raises(NotThatMuch):
        propose(rail, 1)


def test_two_simultaneous_approvals_book_a_loss_once_and_proposals_never_exceed_suspense(rail: Rail) -> None:
    with rail.container.transaction() as session:
        lose(session, rail, COIN)

    def outcome(work: object, *arguments: object) -> bool:
        try:
            work(rail, *arguments)  # type: ignore[operator]
        except StrongroomError:
            return False
        return True

    assert sorted(at_once(*[lambda: outcome(propose, COIN)] * 2)) == [False, True]
    [row] = rail.rows(Loss)
    assert sorted(at_once(*[lambda: outcome(agree, row.id)] * 2)) == [False, True]
    assert stands(rail) == (0, COIN)


_MOVES = sampled_from(["lose", "come back", "propose", "agree", "refuse"])


def test_whatever_is_proposed_suspense_never_gives_more_than_it_carries(rail: Rail) -> None:
    now, asset_id = rail.container.now(), rail.asset_id

    @how(max_examples=20, deadline=None)
    @given(lists(tuples(_MOVES, integers(1, 5)), max_size=14))
    @example([("lose", 3), ("propose", 3), ("come back", 2), ("agree", 1)])
    def holds(moves: list[tuple[str, int]]) -> None:
        with Session(rail.container.engine) as session:  # which commits nothing
            lost, proposed = 0, list[Loss]()
            for move, amount in moves:
                before = losses.carried(session, asset_id)
                if move in {"lose", "come back"}:
                    change = amount if move == "lose" else -amount
                    lose(session, rail, change)
                    lost += change
                    continue
                try:
                    if move == "propose":
                        proposed.append(losses.propose(session, asset_id, amount, reason="gone", now=now, by=ONE))
                    elif proposed and move == "agree":
                        losses.agree(session, proposed.pop().id, now=now, by=OTHER)
                    elif proposed:
                        losses.refuse(session, proposed.pop().id, reason="no", now=now, by=OTHER)
                except NotThatMuch:
                    assert losses.carried(session, asset_id) == before
                after = losses.carried(session, asset_id)
                assert abs(after) <= abs(before)
                assert after * before >= 0
                assert after + ledger.system_balance(session, "losses", asset_id) == lost

    holds()
