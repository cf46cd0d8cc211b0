"""The state of each part of the house, read at one moment and in bounded time, for operators' programs."""

from services.state.history import history
from services.state.inventory import inventory
from services.state.liquidity import health, liquidity
from services.state.sentinel import STALLED_AFTER, looked, sentinel

__all__ = ["STALLED_AFTER", "health", "history", "inventory", "liquidity", "looked", "sentinel"]
