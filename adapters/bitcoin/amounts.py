"""Amounts between the node's decimals and our integers: exact in both directions, or refused."""

from decimal import Decimal

from domain.networks import COIN
from domain.node_refusals import NodeError


def to_minor(value: Decimal | int) -> int:
    """The smallest units in an amount of coins. Raises NodeError if it is finer than that."""
    scaled = value * COIN
    minor = int(scaled)
    if minor != scaled:
        raise NodeError(f"the node gave an amount with more than eight decimals: {value}")
    return minor


def to_coins(amount_minor: int) -> str:
    """The amount in coins, as a decimal string, which nodes accept for every amount."""
    whole, fraction = divmod(amount_minor, COIN)
    return f"{whole}.{fraction:08d}"
