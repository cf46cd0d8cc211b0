"""Money on its way in: sightings, what they mean, when a deposit is credited, and what a reorganisation undoes."""

from services.deposits.crediting import credit_due
from services.deposits.quarantine import SelfDecision, give_back, of_deposits, quarantine, release, undecided
from services.deposits.reading import DepositNotFound, any_one, newest, on_its_way, one, uncredited
from services.deposits.sighting import awaiting_a_block, give_up_on, sight_blocks, sight_mempool, tick
from services.deposits.suspense import take_due
from services.deposits.transfers import sight_transfers
from services.deposits.undoing import undo_above

__all__ = [
    "DepositNotFound",
    "SelfDecision",
    "any_one",
    "awaiting_a_block",
    "credit_due",
    "give_back",
    "give_up_on",
    "newest",
    "of_deposits",
    "on_its_way",
    "one",
    "quarantine",
    "release",
    "sight_blocks",
    "sight_mempool",
    "sight_transfers",
    "take_due",
    "tick",
    "uncredited",
    "undecided",
    "undo_above",
]
