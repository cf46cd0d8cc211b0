"""What a real node's wallet signs with its own address is accepted, and no more than that."""

import pytest

from auth.signatures import InvalidSignature, verify
from tests.bitcoin.node import RICH_WALLET, RegtestNode


@pytest.mark.parametrize("message", ["hello", "Sign in to x as y. Nonce 1.", "größer als ₿ 1", "long " * 300])
def test_a_wallets_signmessage_is_accepted(regtest: RegtestNode, message: str) -> None:
    address = regtest.ask("getnewaddress", "", "legacy", wallet=RICH_WALLET)
    signature = regtest.ask("signmessage", address, message, wallet=RICH_WALLET)
    public_key = regtest.ask("getaddressinfo", address, wallet=RICH_WALLET)["pubkey"]
    assert verify(message, signature, address) == public_key
    with pytest.raises(InvalidSignature):
        verify(message + " ", signature, address)
    other = regtest.ask("getnewaddress", "", "legacy", wallet=RICH_WALLET)
    with pytest.raises(InvalidSignature):
        verify(message, signature, other)
