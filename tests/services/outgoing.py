"""Shared by tests of withdrawals: a policy with small amounts, approvals, and nodes that fail at one step."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select

from auth import roles
from domain.node_refusals import NodeRefused, NodeTimeout
from domain.ports import Chain, DescriptorChain
from domain.wallet_facts import BroadcastAnswer, Payment, SignedPayment
from models.payout import Payout, PayoutTransaction
from models.withdrawal import Withdrawal
from services import payouts, withdrawals
from tasks.payouts import bump_chain
from tests.rail import BY, COIN, Rail
from tests.services import world

FEE = 1_000
AUTO, TWO = COIN // 10, COIN
A_WHILE = timedelta(minutes=11)
"""Longer than any back-off."""


def usual_rules(rail: Rail) -> None:
    """Up to a tenth of a coin automatic, then one approver, from one coin on two; one confirmation."""
    world.set_policy(
        rail,
        minimum_minor=COIN // 1000,
        fee_minor=FEE,
        auto_limit_minor=AUTO,
        two_approvals_above_minor=TWO,
        daily_user_limit_minor=1000 * COIN,
        daily_system_limit_minor=None,
        confirmations=1,
    )
    world.set_asset(rail, confirmation_tiers=[[None, 1]])


def funded(rail: Rail, amount_minor: int = 2 * COIN, *, parts: int = 1) -> UUID:
    """A user with this balance, and as many coins in the hot wallet."""
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    for _ in range(parts):
        rail.send_to(address, amount_minor // parts)
    rail.mine()
    rail.watch()
    assert rail.balance(user_id) == (amount_minor, 0)
    return user_id


def approve(rail: Rail, withdrawal_id: UUID, approver_id: UUID | None = None) -> Withdrawal:
    """Approve as a user who gets the role."""
    approver_id = approver_id or rail.new_user()
    with rail.container.transaction() as session:
        roles.grant(session, approver_id, "approver", by=BY.name, now=rail.container.now())
        return withdrawals.approve(session, withdrawal_id, approver_id=approver_id, now=rail.container.now(), by=BY)


def reject(rail: Rail, withdrawal_id: UUID, approver_id: UUID | None = None) -> Withdrawal:
    with rail.container.transaction() as session:
        return withdrawals.reject(
            session,
            withdrawal_id,
            approver_id=approver_id or rail.new_user(),
            reason="looks wrong",
            now=rail.container.now(),
            by=BY,
        )


def cancel(rail: Rail, withdrawal: Withdrawal) -> Withdrawal:
    with rail.container.transaction() as session:
        return withdrawals.cancel(session, withdrawal.id, user_id=withdrawal.user_id, now=rail.container.now(), by=BY)


def retry(rail: Rail) -> None:
    with rail.container.transaction() as session:
        payouts.retry(session, rail.payout().id, now=rail.container.now(), by=BY)


def give_up(rail: Rail) -> None:
    with rail.container.transaction() as session:
        payouts.give_up(session, rail.payout().id, now=rail.container.now(), by=BY)


def bump(rail: Rail) -> int:
    """Have an operator request a higher fee, and a worker sign it."""
    with rail.container.transaction() as session:
        payouts.ask_for_bump(session, rail.payout().id, now=rail.container.now(), by=BY)
    return bump_chain(rail.container, rail.chain, BY)


def forms(rail: Rail) -> list[PayoutTransaction]:
    """Every signed transaction of the only payout, oldest first."""
    with rail.container.reading() as session:
        return list(session.scalars(select(PayoutTransaction).order_by(PayoutTransaction.form)))


def one(rail: Rail, withdrawal_id: UUID) -> Withdrawal:
    with rail.container.reading() as session:
        return session.get_one(Withdrawal, withdrawal_id)


def hot_wallet(rail: Rail) -> str:
    return rail.container.settings.chains[0].wallet


def sent_once(rail: Rail, destination: str, amount_minor: int) -> bool:
    """Whether this amount left once, in one transaction."""
    [found] = rail.node.call("listreceivedbyaddress", 0, False, False, destination, wallet="miner") or [None]
    return found is not None and int(found["amount"] * COIN) == amount_minor and len(found["txids"]) == 1


# -------------------------------------------------------------------------------------------- nodes that fail


class Wrapped:
    """A real chain with hooks before its calls."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)


class _AnswerLost(Wrapped):
    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        self._chain.broadcast(raw_tx)
        raise NodeTimeout


class _NeverArrives(Wrapped):
    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        raise NodeTimeout(f"nobody answered to {raw_tx[:16]}…")


class _GoneAtBroadcast(Wrapped):
    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        raise NodeRefused(f"nobody took {raw_tx[:16]}…")


class _Rejects(Wrapped):
    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        return BroadcastAnswer("rejected", f"insufficient fee, says this node of {raw_tx[:16]}…")


class _Meanwhile(Wrapped):
    def __init__(self, chain: Chain, happens: Callable[[], object]) -> None:
        super().__init__(chain)
        self._happens = happens

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        self._happens()
        return self._chain.broadcast(raw_tx)


class _SignedLate(Wrapped):
    def __init__(self, chain: Chain, happens: Callable[[], object]) -> None:
        super().__init__(chain)
        self._happens: Callable[[], object] | None = happens

    def build(self, payments: Sequence[Payment], **options: Any) -> SignedPayment:
        signed = self._chain.build(payments, **options)
        if self._happens is not None:
            happens, self._happens = self._happens, None
            happens()
        return signed


def signed_late(rail: Rail, happens: Callable[[], object]) -> DescriptorChain:
    """A wallet that signs, with a hook before the result can be stored."""
    return cast("DescriptorChain", _SignedLate(rail.chain, happens))


def meanwhile(chain: Chain, happens: Callable[[], object]) -> DescriptorChain:
    """A node with a hook before its answer."""
    return cast("DescriptorChain", _Meanwhile(chain, happens))


def rejects(rail: Rail) -> DescriptorChain:
    """A node that rejects payments for now."""
    return cast("DescriptorChain", _Rejects(rail.chain))


def answer_lost(rail: Rail) -> DescriptorChain:
    """A node that accepts a payment and whose answer is lost."""
    return cast("DescriptorChain", _AnswerLost(rail.chain))


def never_arrives(rail: Rail) -> DescriptorChain:
    """A node that a payment never reaches, without an error that says so."""
    return cast("DescriptorChain", _NeverArrives(rail.chain))


def gone_at_broadcast(rail: Rail) -> DescriptorChain:
    """A node that goes down between signing and broadcasting."""
    return cast("DescriptorChain", _GoneAtBroadcast(rail.chain))


def open_payouts(rail: Rail) -> list[Payout]:
    return [payout for payout in rail.rows(Payout) if payout.state not in {"completed", "failed"}]
