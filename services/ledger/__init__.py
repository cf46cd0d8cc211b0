"""The ledger: the one way to move money, and what can be read about money that moved."""

from services.ledger.accounts import Balance, account_balance, balances, system_account, system_balance, user_account
from services.ledger.posting import post, post_one
from services.ledger.reversal import reverse

__all__ = [
    "Balance",
    "account_balance",
    "balances",
    "post",
    "post_one",
    "reverse",
    "system_account",
    "system_balance",
    "user_account",
]
