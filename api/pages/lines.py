"""Shape flows into the lines of lists."""

from collections.abc import Mapping

from api.pages import sentences
from api.pages.shapes import Activity, AssetName, Coming, Money
from api.pages.wording import amount, middle
from domain.flows import FLOW_KINDS
from domain.ids import short_id
from domain.verification import REASONS
from models.deposit import Deposit
from models.withdrawal import Withdrawal
from services.activity import Movement, confirmations


def activity(movement: Movement, assets: Mapping[str, AssetName], heights: Mapping[str, int]) -> Activity:
    """One flow as a line of a list."""
    flow = movement.flow
    return Activity(
        flow=flow.short_id,
        kind=flow.kind,
        meaning=_meaning(movement),
        word=sentences.word(flow.kind, flow.state),
        money=_money(movement, assets[flow.asset_id]),
        what=_what(movement, assets),
        words=_words(movement, heights),
        at=flow.state_since,
        moving=not FLOW_KINDS[flow.kind].closed(flow.state),
    )


def arrival(deposit: Deposit, asset: AssetName, heights: Mapping[str, int]) -> Activity:
    """One deposit as a line below its address."""
    return Activity(
        flow=short_id(deposit.flow_id),
        kind="deposit",
        meaning=sentences.meaning("deposit", deposit.state),
        money=Money(deposit.amount_minor, asset, "+"),
        what=f"in {middle(deposit.txid)}",
        words=_deposit_words(deposit, heights),
        at=deposit.state_changed_at,
        moving=not FLOW_KINDS["deposit"].closed(deposit.state),
    )


def on_its_way(deposit: Deposit, asset: AssetName, heights: Mapping[str, int]) -> Coming:
    """One deposit as a line below the balance."""
    words = FLOW_KINDS["deposit"].states[deposit.state].sentence
    if deposit.state in {"seen", "confirming"}:
        done = confirmations(deposit, heights.get(deposit.chain))
        words = f"{'seen' if deposit.state == 'seen' else 'in a block'} · "
        words += sentences.progress(done, deposit.confirmations_needed)
    meaning = sentences.meaning("deposit", deposit.state)
    return Coming(Money(deposit.amount_minor, asset), meaning, words, f"/flows/{short_id(deposit.flow_id)}")


def held(withdrawal: Withdrawal, asset: AssetName) -> Coming:
    """One withdrawal as a line below the balance: the amount and its fee are held."""
    words = {
        "pending_approval": "withdrawal waiting for approval",
        "approved": "withdrawal approved, not sent yet",
        "uncertain": "withdrawal whose fate is not known yet",
    }.get(withdrawal.state, "withdrawal on its way out")
    meaning = sentences.meaning("withdrawal", withdrawal.state)
    held_minor = withdrawal.amount_minor + withdrawal.fee_minor
    return Coming(Money(held_minor, asset), meaning, f"{words}, fee included", f"/flows/{short_id(withdrawal.flow_id)}")


def _money(movement: Movement, asset: AssetName) -> Money | None:
    """The amount, signed for its owner; None for a claim that names no amount and has found none."""
    minor = movement.flow.amount_minor
    if movement.claim is not None:
        minor = movement.claim.paid_minor or minor
        return Money(minor, asset, "+") if minor else None
    incoming = FLOW_KINDS[movement.flow.kind].direction == "in" or movement.received
    return Money(minor, asset, "+" if incoming else "-")


def _meaning(movement: Movement) -> str:
    flow = movement.flow
    if flow.kind == "internal_transfer" and not movement.received:
        return "sent"
    return sentences.meaning(flow.kind, flow.state)


def _what(movement: Movement, assets: Mapping[str, AssetName]) -> str:
    if movement.quote is not None:
        bought = assets[movement.quote.to_asset_id]
        return f"into {amount(movement.quote.receives_minor, bought.decimals)}\u00a0{bought.symbol}"
    if movement.withdrawal is not None:
        return sentences.destination(movement.withdrawal.destination)
    if movement.deposit is not None:
        return f"in {middle(movement.deposit.txid)}"
    if movement.claim is not None:
        return f"claim of {middle(movement.claim.tx_hash)}"
    return "from another user" if movement.received else "to another user"


def _words(movement: Movement, heights: Mapping[str, int]) -> str:
    if movement.withdrawal is not None:
        return sentences.withdrawal(movement.withdrawal.state, movement.withdrawal.waiting_reason)
    if movement.deposit is not None:
        return _deposit_words(movement.deposit, heights)
    if movement.claim is not None and movement.claim.reason:
        return REASONS[movement.claim.reason]
    return FLOW_KINDS[movement.flow.kind].states[movement.flow.state].sentence


def _deposit_words(deposit: Deposit, heights: Mapping[str, int]) -> str:
    done = confirmations(deposit, heights.get(deposit.chain))
    return sentences.deposit(deposit.state, done, deposit.confirmations_needed, deposit.chain)
