"""What really arrived of an unexamined token: its events compared with the balance around the block."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from adapters.evm.balances import balance_call, token_balance
from adapters.evm.coding import TRANSFER_TOPIC
from adapters.evm.transfers import Movement, movements
from adapters.verification.asking import Ask, ProviderFailed, called, demanded
from domain.claim_reading import ClaimQuestion
from domain.evm.addresses import parse_evm_address
from domain.evm.networks import EvmNetwork

_ONCE: Final = "a token that nobody examined moves there more than once in that block, and less arrived than it tells"


def arrived(
    network: EvmNetwork, question: ClaimQuestion, told: Sequence[Movement], block: Mapping[str, Any], ask: Ask
) -> list[Movement]:
    """These movements of one transaction, with the amounts of unexamined tokens to the recipient corrected.

    A token may withhold a fee, or report what never moved. Balances cannot separate this transaction from others of the
    same block to the same account: then the amounts are accepted only if all of them arrived. Raises ProviderFailed,
    also for a node that has pruned the block's state.
    """
    if not question.recipient:
        return list(told)
    recipient = parse_evm_address(question.recipient).script
    trusted = {contract.lower() for asset in network.assets if asset.is_trusted for contract in asset.contracts}
    found = list(told)
    for contract in dict.fromkeys(
        one.contract for one in told if one.recipient == recipient and one.contract in question.contracts
    ):
        ours = [one for one in told if (one.contract, one.recipient) == (contract, recipient)]
        if contract.lower() in trusted and not any(one.is_mirror for one in ours):
            continue
        left = _arrived(question, ours, block, ask)
        found = [
            replace(one, amount_minor=left[one.place]) if one.place in left else one
            for one in found
            if left.get(one.place) != 0
        ]
    return found


def _arrived(
    question: ClaimQuestion, ours: Sequence[Movement], block: Mapping[str, Any], ask: Ask
) -> Mapping[int, int]:
    """What arrived of each of these movements of one token to one recipient, by place."""
    contract, recipient = ours[0].contract, ours[0].recipient
    spelled = [known for known, canonical in question.contracts.items() if known and canonical == contract]
    balances = [balance_call(contract, recipient, {"blockHash": block[at]}) for at in ("parentHash", "hash")]
    before, after, logs = demanded(
        called(
            ask,
            *((call.method, list(call.params)) for call in balances),
            ("eth_getLogs", [{"blockHash": block["hash"], "address": spelled, "topics": [TRANSFER_TOPIC]}]),
        )
    )
    grown = token_balance(after) - token_balance(before)
    moved = movements("", logs, dict.fromkeys(spelled, contract))
    came_in = sum(one.amount_minor for one in moved if one.recipient == recipient)
    told_minor = sum(one.amount_minor for one in ours)
    # Outgoing transfers that the token reports are not added back: made-up ones would make any amount look true.
    if grown < came_in and (came_in != told_minor or any(one.sender == recipient for one in moved)):
        raise ProviderFailed(_ONCE)
    arrived_minor = min(told_minor, max(0, grown))
    return {one.place: one.amount_minor * arrived_minor // told_minor for one in ours}
