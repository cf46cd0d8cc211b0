"""Money on its way in: what was sighted, what that means, when it is credited, and what a reorganisation undoes."""

from services.deposits.crediting import credit_due
from services.deposits.reading import DepositNotFound, newest, on_its_way, one
from services.deposits.sighting import awaiting_a_block, give_up_on, sight_blocks, sight_mempool, tick
from services.deposits.undoing import undo_above

__all__ = [
    "DepositNotFound",
    "awaiting_a_block",
    "credit_due",
    "give_up_on",
    "newest",
    "on_its_way",
    "one",
    "sight_blocks",
    "sight_mempool",
    "tick",
    "undo_above",
]
