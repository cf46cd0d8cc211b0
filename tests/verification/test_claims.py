"""Claimed payments from the request to the ledger: what is credited, to whom, and never twice."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from domain.claim_reading import ClaimQuestion
from domain.flows.table import WrongState
from domain.ids import new_id
from domain.prices import PriceRule
from models.chain import DepositAddress
from models.flow import FlowEvent
from models.screening import ScreeningPolicy
from models.verification import VerificationExchange
from services import alerts, assets, evidence, invariants, prices, verifications
from services.alerts import dossier
from services.leases import LeaseLost
from services.verifications import ClaimOfDeposit, deciding, rates
from tests.fakes.chains import solana_key, solana_signature
from tests.verification.desk import BY, DOLLAR, HOUSE, MINT, RAIL, USDC, Desk


def standing(desk: Desk) -> set[str]:
    with desk.container.reading() as session:
        return {alert.alert_code for alert in alerts.standing(session)}


def test_a_payment_to_the_house_is_credited_once_with_what_arrived(desk: Desk) -> None:
    claimed = desk.claim(desk.pay(1, 10 * DOLLAR + 300_000))
    desk.check()
    desk.check()
    row = desk.row(claimed)
    assert (row.state, row.reason, row.paid_minor) == ("verified", None, 10 * DOLLAR + 300_000)
    assert desk.balance() == 10 * DOLLAR + 300_000
    with desk.container.reading() as session:
        events = session.scalars(
            select(FlowEvent).where(FlowEvent.group_id == row.flow_id).order_by(FlowEvent.id)
        ).all()
        assert [event.state for event in events] == ["requested", "verified"]
        assert row.decided_at == row.state_changed_at > row.requested_at
        assert {event.correlation_id for event in events} == {row.correlation_id}
        assert invariants.check(session) == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"owner": solana_key(9)}, "wrong_recipient"),
        ({"mint": RAIL.assets[2].contracts[0]}, "wrong_token"),
        ({"amount": 9 * DOLLAR}, "amount_mismatch"),
        ({"arrived": 9 * DOLLAR}, "amount_mismatch"),
        ({"fails": True}, "failed_on_chain"),
        ({"mint": solana_key(66), "owner": solana_key(9)}, "no_such_transfer"),
    ],
)
def test_a_payment_that_breaks_a_rule_is_rejected_by_name(desk: Desk, facts: dict[str, Any], reason: str) -> None:
    assert desk.decided(desk.pay(1, **facts)) == ("rejected", reason)
    assert desk.balance() == 0


def test_an_old_payment_is_rejected_and_an_operator_may_allow_for_it(desk: Desk) -> None:
    paid = desk.pay(1, at=desk.container.now() - timedelta(minutes=21))
    claimed = desk.claim(paid)
    desk.check()
    assert desk.told(claimed) == ("rejected", "too_old")
    with desk.container.transaction() as session:
        verifications.set_rule(
            session,
            USDC.asset_id,
            tolerance_minor=None,
            age_max_s=3600,
            confirmations=None,
            now=desk.container.now(),
            by=BY,
        )
    reader = desk.container.verifiers["solana"]
    asked = len(desk.provider.asked)
    with desk.container.transaction() as session:
        row = verifications.one(session, claimed)
        evidence = verifications.exchanges_of(session, claimed)
        reading = reader.reread(verifications.question_of(session, row), evidence)
        now = desk.container.now()
        found = verifications.replayed(session, claimed, reading, now=now, by=BY, carry_out=False)
        assert (found.differs, found.decision.state) == (True, "verified")
        assert verifications.one(session, claimed).state == "rejected"
        verifications.replayed(session, claimed, reading, now=now, by=BY, carry_out=True)
    assert desk.told(claimed) == ("verified", None)
    assert desk.balance() == 10 * DOLLAR
    assert len(desk.provider.asked) == asked, "a replay asks nobody"
    with desk.container.transaction() as session, pytest.raises(WrongState):
        verifications.replayed(session, claimed, reading, now=now, by=BY, carry_out=True)


def test_the_tolerance_is_half_a_dollars_worth_by_reference_price(desk: Desk) -> None:
    with desk.container.transaction() as session:
        sol = assets.get(session, "SOL")
        now = desk.container.now()
        assert verifications.rule_of(session, sol, credits_user=False, now=now).tolerance_minor == 0
        prices.set_rule(session, "SOL/USD", PriceRule(timedelta(minutes=1), 1, 1000), now=now, by=BY)
        prices.set_manually(session, "SOL/USD", Decimal(200), now=now, by=BY)
        assert verifications.rule_of(session, sol, credits_user=False, now=now).tolerance_minor == 2_500_000


def test_one_payment_satisfies_one_claim_for_ever(desk: Desk) -> None:
    paid = desk.pay(1)
    assert desk.decided(paid) == ("verified", None)
    assert desk.decided(paid) == ("rejected", "already_used")
    assert desk.decided(paid, None) == ("rejected", "already_used")
    assert desk.balance() == 10 * DOLLAR


def test_of_many_claims_at_once_one_wins(desk: Desk) -> None:
    paid, people = desk.pay(1), [desk.somebody() for _ in range(6)]
    claims = [desk.claim(paid, by_user=person) for person in people]
    with desk.container.transaction() as session:
        due = {row.id: row for row in verifications.claim_due(session, owner="test", limit=9, now=desk.container.now())}
        question = verifications.question_of(session, due[claims[0]])
    reading = desk.container.verifiers["solana"].read(question)
    ready = threading.Barrier(len(claims))

    def decide(row_id: UUID) -> None:
        with desk.container.transaction() as session:
            ready.wait(10)
            row = due[row_id]
            now, generation = desk.container.now(), row.lease_generation
            verifications.record(session, row.id, reading, generation=generation, now=now, by=BY)

    threads = [threading.Thread(target=decide, args=(one,)) for one in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [desk.told(one) for one in claims]
    assert sorted(states, key=str) == [("rejected", "already_used")] * 5 + [("verified", None)]
    assert sum(desk.balance(person) for person in people) == 10 * DOLLAR


def test_what_a_deposit_has_had_is_not_claimed_too(desk: Desk) -> None:
    with desk.container.transaction() as session:
        script = RAIL.parse_destination(HOUSE).script
        now = desk.container.now()
        session.add(DepositAddress(id=new_id(), chain="solana", address=HOUSE, script=script, created_at=now))
    with pytest.raises(ClaimOfDeposit):
        desk.claim(desk.pay(1))


def test_a_claim_is_no_way_around_the_screening_of_senders(desk: Desk) -> None:
    with desk.container.transaction() as session:
        session.add(ScreeningPolicy(chain="solana", mode="list"))
    claimed = desk.claim(desk.pay(1))
    desk.check()
    assert (desk.told(claimed), desk.balance()) == (("uncertain", "sender_not_screened"), 0)
    with desk.container.transaction() as session:
        row = verifications.one(session, claimed)
        kept = verifications.exchanges_of(session, claimed)
        reading = desk.container.verifiers["solana"].reread(verifications.question_of(session, row), kept)
        now = desk.container.now()
        assert verifications.replayed(session, claimed, reading, now=now, by=BY, carry_out=True).differs
    assert (desk.told(claimed), desk.balance()) == (("verified", None), 10 * DOLLAR)


@pytest.mark.causes("verification_undecided")
def test_a_transaction_nobody_knows_is_asked_for_again_and_in_the_end_left_to_an_operator(desk: Desk) -> None:
    claimed = desk.claim(solana_signature(5))
    for _ in range(deciding.ATTEMPTS_MAX):
        desk.check()
        desk.later(timedelta(minutes=11))
    assert desk.told(claimed) == ("uncertain", "not_found")
    assert "verification_undecided" in standing(desk)
    with desk.container.reading() as session:
        [flow] = dossier.flows_about(session, f"verification:{claimed}")
        told = evidence.alerts_about(session, evidence.of_flow(session, flow))
    assert [row.alert_code for row in told] == ["verification_undecided"]
    asked = len(desk.provider.asked)
    desk.check()
    assert len(desk.provider.asked) == asked, "attempts are bounded"
    desk.pay(5)
    with desk.container.transaction() as session:
        verifications.ask_again(session, claimed, now=desk.container.now(), by=BY)
    desk.check()
    assert desk.told(claimed) == ("verified", None)
    assert "verification_undecided" not in standing(desk)


def test_what_is_not_final_waits_without_using_up_its_attempts(desk: Desk) -> None:
    desk.chain.finality = "confirmed"
    claimed = desk.claim(desk.pay(1))
    for _ in range(deciding.ATTEMPTS_MAX + 3):
        desk.check()
        desk.later(timedelta(seconds=5))
    assert desk.told(claimed) == ("uncertain", "confirming")
    desk.chain.finality = "finalized"
    desk.check()
    assert desk.told(claimed) == ("verified", None)


def test_a_late_worker_records_nothing(desk: Desk) -> None:
    claimed = desk.claim(desk.pay(1))
    with desk.container.transaction() as session:
        [row] = verifications.claim_due(session, owner="slow", limit=1, now=desk.container.now())
    reading = desk.container.verifiers["solana"].read(_question(desk, claimed))
    desk.later(timedelta(minutes=4))
    desk.check()
    assert desk.told(claimed) == ("verified", None)
    now = desk.container.now()
    with pytest.raises(LeaseLost), desk.container.transaction() as session:
        verifications.record(session, claimed, reading, generation=row.lease_generation, now=now, by=BY)
    assert desk.balance() == 10 * DOLLAR


def test_evidence_is_never_changed(desk: Desk) -> None:
    desk.decided(desk.pay(1))
    with pytest.raises(Exception, match="permission denied"), desk.container.transaction() as session:
        session.execute(text("UPDATE verification_exchanges SET answer = 'null'"))


@pytest.mark.causes("verification_failure_rate")
def test_many_failures_raise_an_alert_and_success_clears_it(desk: Desk) -> None:
    for seed in range(rates.DECIDED_MIN):
        desk.claim(desk.pay(seed, fails=seed < 3))
    desk.check()
    assert rates.CODE in standing(desk)
    for seed in range(20, 40):
        desk.claim(desk.pay(seed))
    desk.check()
    assert rates.CODE not in standing(desk)


def test_withdrawals_of_what_is_only_verified_begin_paused(desk: Desk) -> None:
    with desk.container.reading() as session:
        assert assets.policy(session, USDC.asset_id).paused
        assert assets.by_contract(session, "solana")[MINT].asset_id == USDC.asset_id


def _question(desk: Desk, claimed: UUID) -> ClaimQuestion:
    with desk.container.reading() as session:
        return verifications.question_of(session, verifications.one(session, claimed))


def test_what_the_house_moves_between_addresses_of_its_own_is_nobodys_payment(desk: Desk) -> None:
    older = solana_key(8)
    with desk.container.transaction() as session:
        verifications.add_address(session, "solana", older, client_id=None, now=desk.container.now(), by=BY)
        verifications.add_address(session, "solana", HOUSE, client_id=None, now=desk.container.now(), by=BY)
    assert desk.decided(desk.pay(1, payer=older)) == ("rejected", "moved_by_the_house")
    assert desk.decided(desk.pay(2, payer=HOUSE)) == ("rejected", "moved_by_the_house")
    assert desk.balance() == 0


def test_what_a_bridge_mints_for_the_house_was_paid(desk: Desk) -> None:
    paid = desk.pay(1)
    [instruction] = desk.chain.transactions[paid]["transaction"]["message"]["instructions"]
    info = instruction["parsed"]["info"]
    told = {"account": info["destination"], "mint": info["mint"], "mintAuthority": solana_key(9)}
    instruction["parsed"] = {"type": "mintTo", "info": {**told, "amount": info["tokenAmount"]["amount"]}}
    assert desk.decided(paid) == ("verified", None)
    assert desk.balance() == 10 * DOLLAR


@pytest.mark.parametrize("leave_out", [lambda meta: meta.update(innerInstructions=None), lambda meta: meta.popitem()])
def test_a_node_that_keeps_no_inner_instructions_cannot_say_what_was_not_paid(desk: Desk, leave_out: Any) -> None:
    paid = desk.pay(1)
    found = desk.chain.transactions[paid]
    found["transaction"]["message"]["instructions"] = []
    found["meta"]["innerInstructions"] = found["meta"].pop("innerInstructions")
    leave_out(found["meta"])
    assert desk.decided(paid) == ("uncertain", "provider_failed")


def test_what_is_answered_again_and_again_is_kept_once(desk: Desk) -> None:
    """Whoever claims a large transaction that never becomes final has it looked at for a day, every few seconds."""
    desk.chain.finality = "confirmed"
    claimed = desk.claim(desk.pay(1))
    for _ in range(4):
        desk.check()
        desk.later(timedelta(minutes=2))
    assert desk.told(claimed) == ("uncertain", "confirming")
    desk.chain.finality = "finalized"
    desk.check()
    assert desk.told(claimed) == ("verified", None)
    with desk.container.reading() as session:
        kept = select(VerificationExchange.attempt).where(VerificationExchange.verification_id == claimed)
        assert session.scalars(kept.order_by(VerificationExchange.id)).all() == [1, 5]
        replayed = verifications.exchanges_of(session, claimed)
    assert "finalized" in (replayed[0].answer or "")
