"""What a node's wallet is asked: nothing that makes it add up all that it ever had."""

import re
from pathlib import Path

ADAPTERS = Path(__file__).parent.parent.parent / "adapters"
# Each goes through every transaction that the wallet ever had, which took some of them hours.
SLOW = re.compile(r'"(getbalance|listunspent|listtransactions|getreceivedby\w+|listreceivedby\w+)"')


def test_no_wallet_is_asked_what_takes_longer_the_more_it_has_seen() -> None:
    told = {str(file.relative_to(ADAPTERS)): SLOW.findall(file.read_text()) for file in ADAPTERS.rglob("*.py")}
    assert {file: calls for file, calls in told.items() if calls} == {}


def test_a_wallets_balance_is_asked_for_the_comparison_with_the_books_alone() -> None:
    asking = [file for file in ADAPTERS.rglob("*.py") if '"getbalances"' in file.read_text()]
    assert [str(file.relative_to(ADAPTERS)) for file in asking] == ["bitcoin/wallet.py"]
