"""Orders to fund buffers that ran low: proposed by rule, approved by operators, completed by what arrives."""

from services.replenishments.arriving import count
from services.replenishments.ordering import (
    ReplenishmentNotFound,
    ReplenishmentOpen,
    approve,
    cancel,
    expire_due,
    propose,
)
from services.replenishments.reading import CANCELLABLE, address_of, addresses_of, newest, one, open_of

__all__ = [
    "CANCELLABLE",
    "ReplenishmentNotFound",
    "ReplenishmentOpen",
    "address_of",
    "addresses_of",
    "approve",
    "cancel",
    "count",
    "expire_due",
    "newest",
    "one",
    "open_of",
    "propose",
]
