"""Shape a flow's chain transactions for its page."""

import json
from typing import Final

from api.pages import wording
from api.pages.flow_facts import Reading, name_shown
from api.pages.flow_shapes import ChainLine
from api.pages.shapes import Money
from domain.providers import PROVIDERS
from domain.rail_rows import RailRow
from domain.rails import RAILS
from models.payout import PayoutTransaction
from services.activity import confirmations

_AT_A_PROVIDER: Final = {"signed": "not asked for yet", "completed": "paid", "failed": "not paid"}
"""The label of a request to a provider, by the state of its payment."""


def chain(reading: Reading) -> tuple[ChainLine, ...]:
    """The flow's chain transactions, newest first."""
    found, rail = reading.found, RAILS.get(reading.asset.chain)
    lines = [_of_form(reading, form, rail) for form in found.forms]
    if found.deposit is not None:
        done = confirmations(found.deposit, reading.height)
        words = wording.counted(done, "confirmation") if done else "in no block"
        if found.deposit.replaced_by:
            words = f"replaced by {found.deposit.replaced_by}"
        txid, height = found.deposit.txid, found.deposit.block_height
        lines.append(ChainLine(txid, words, block_height=height, url=_shown(rail, txid)))
    if found.verification is not None:
        claimed, claim_rail = found.verification.tx_hash, RAILS.get(found.verification.chain)
        lines.append(ChainLine(claimed, "claimed", url=_shown(claim_rail, claimed)))
    return tuple(reversed(lines))


def _of_form(reading: Reading, form: PayoutTransaction, rail: RailRow | None) -> ChainLine:
    """One signed transaction: its state, and its fee or the most that it can be."""
    [payment] = [one for one in reading.found.payments if one.id == form.payout_id]
    newest = max(one.form for one in reading.found.forms if one.payout_id == payment.id)
    is_it = payment.txid == form.txid
    words = "in a block" if is_it else "superseded" if form.form != newest else "in no block"
    if payment.chain in PROVIDERS:
        words = _AT_A_PROVIDER.get(payment.state, "asked for")
        if reading.found.made is not None and reading.found.made.said != "failed":
            words = "failed, and made after all"
    if payment.purpose == "gas_top_up":
        words = f"gas for the address, {words}"
    cost_minor = payment.fee_minor if is_it and payment.fee_minor is not None else form.fee_minor
    height = payment.block_height if is_it else None
    raw = form.raw_tx
    named = reading.found.withdrawal.beneficiary_name if reading.found.withdrawal is not None else None
    if named:
        raw = raw.replace(json.dumps(named), json.dumps(name_shown(reading, named)))
    return ChainLine(form.txid, words, raw, Money(cost_minor, reading.paid_in), height, _shown(rail, form.txid))


def _shown(rail: RailRow | None, txid: str) -> str | None:
    """The link to a block explorer."""
    return None if rail is None else rail.explorer_url(txid)
