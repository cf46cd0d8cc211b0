"""What was typed is found under the spelling that is on record."""

from domain import spellings
from domain.bech32 import encode_segwit

ACCOUNT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_a_hash_is_looked_for_as_each_family_writes_it() -> None:
    for typed in ("AB" * 32, "0x" + "Ab" * 32, "ab" * 32):
        assert {"ab" * 32, "0x" + "ab" * 32, typed} == spellings.of_hash(typed)
    assert spellings.of_hash("4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM") == {
        "4uQeVj5tqViQh7yWWGStvkEG1Zmhx6uasJtWCJziofM"
    }


def test_an_address_is_looked_for_as_each_rail_keeps_it() -> None:
    assert {ACCOUNT, ACCOUNT.lower(), f"ETH:{ACCOUNT}"} <= spellings.of_address(ACCOUNT.lower())
    coin = encode_segwit("bc", 0, bytes(20))
    assert coin in spellings.of_address(coin.upper())
    assert spellings.of_address("nobody's") == {"nobody's"}
