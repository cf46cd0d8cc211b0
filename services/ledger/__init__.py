"""The ledger: the one way to move money, and what can be read about money that moved."""

from services.ledger.posting import post, post_one

__all__ = ["post", "post_one"]
