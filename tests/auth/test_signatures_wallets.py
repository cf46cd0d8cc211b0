"""What wallets' "sign message" makes: their own published vectors, and every header on every kind of address."""

from base64 import b64decode, b64encode
from typing import Any

import pytest
from coincurve import PrivateKey

from auth.ecdsa import ORDER
from auth.signatures import InvalidSignature, MalformedSignature, normalise_subject, verify
from auth.signed_messages import digest
from domain.bech32 import encode_segwit
from domain.networks import NETWORKS
from tests.auth.signer import MAGIC, addresses_of
from tests.auth.vectors.reading import read

VECTORS = read("signed_messages")
MESSAGE = "Sign in to localhost as me. Nonce 00. Valid until 2026-11-21T03:00:00Z."
KEY = PrivateKey.from_int(7)


def named(row: dict[str, Any]) -> str:
    return f"{row['source']}: {row['case']}"


def signature(header: int, *, key: PrivateKey = KEY, magic: str = MAGIC) -> str:
    signed = key.sign_recoverable(digest(magic, MESSAGE.encode()), hasher=None)
    return b64encode(bytes([header + signed[64]]) + signed[:64]).decode()


@pytest.mark.parametrize("row", VECTORS["valid"], ids=named)
def test_what_other_wallets_sign_is_accepted(row: dict[str, Any]) -> None:
    key = verify(row["message"], row["signature"], row["address"])
    assert normalise_subject(key) == key


@pytest.mark.parametrize("row", VECTORS["valid"], ids=named)
def test_what_other_wallets_sign_is_of_its_message_and_address_alone(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignature):
        verify(row["message"] + " ", row["signature"], row["address"])
    others = {other["address"] for other in VECTORS["valid"]} - {row["address"]}
    key = verify(row["message"], row["signature"], row["address"])
    for other in others:
        try:
            # One key may have several of these addresses: then it is the same signer that is told.
            assert verify(row["message"], row["signature"], other) == key
        except (InvalidSignature, MalformedSignature):
            continue


@pytest.mark.parametrize("row", VECTORS["refused"], ids=named)
def test_what_other_wallets_refuse_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises((InvalidSignature, MalformedSignature)):
        verify(row["message"], row["signature"], row["address"])


@pytest.mark.parametrize(
    ("kind", "header", "accepted"),
    [
        ("p2pkh", 27, False),  # of the uncompressed key, which has another address
        ("p2pkh", 31, True),
        ("p2pkh", 35, False),
        ("p2pkh", 39, False),
        ("p2sh", 27, False),
        ("p2sh", 31, True),
        ("p2sh", 35, True),
        ("p2sh", 39, False),
        ("p2wpkh", 27, False),
        ("p2wpkh", 31, True),
        ("p2wpkh", 35, False),
        ("p2wpkh", 39, True),
        ("p2wsh", 31, False),
        ("p2wsh", 39, False),
        ("p2tr", 31, False),
        ("p2tr", 39, False),
    ],
)
def test_a_header_is_right_on_its_own_kinds_of_address(kind: str, header: int, accepted: bool) -> None:
    address = addresses_of(KEY)[kind]
    if accepted:
        assert verify(MESSAGE, signature(header), address) == KEY.public_key.format().hex()
        return
    with pytest.raises((InvalidSignature, MalformedSignature)):
        verify(MESSAGE, signature(header), address)


@pytest.mark.parametrize(
    ("kind", "header"), [("p2pkh", 31), ("p2sh", 31), ("p2sh", 35), ("p2wpkh", 31), ("p2wpkh", 39)]
)
def test_the_high_s_twin_names_the_same_signer(kind: str, header: int) -> None:
    address = addresses_of(KEY)[kind]
    raw = b64decode(signature(header))
    flipped = header + ((raw[0] - header) ^ 1)
    twin = bytes([flipped]) + raw[1:33] + (ORDER - int.from_bytes(raw[33:])).to_bytes(32)
    assert verify(MESSAGE, b64encode(twin).decode(), address) == KEY.public_key.format().hex()


@pytest.mark.parametrize("kind", ["p2pkh", "p2sh", "p2wpkh"])
def test_another_key_is_invalid(kind: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, signature(31, key=PrivateKey.from_int(8)), addresses_of(KEY)[kind])


@pytest.mark.parametrize("chain", sorted(NETWORKS))
def test_a_segwit_address_signs_with_its_coins_magic(chain: str) -> None:
    network = NETWORKS[chain]
    address = addresses_of(KEY, chain)["p2wpkh"]
    assert verify(MESSAGE, signature(39, magic=network.message_magic), address)
    other = "Dogecoin Signed Message:\n"
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, signature(39, magic=other), address)


def test_a_script_address_that_two_coins_share_signs_with_the_magic_of_either() -> None:
    shared = addresses_of(KEY, "bitcoin")["p2sh"]
    assert shared.startswith("3")
    assert verify(MESSAGE, signature(35), shared) == verify(
        MESSAGE, signature(35, magic=NETWORKS["litecoin"].message_magic), shared
    )
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, signature(35), addresses_of(KEY, "litecoin")["p2sh"])


def test_both_cases_of_bech32_are_one_subject() -> None:
    address = addresses_of(KEY)["p2wpkh"]
    assert normalise_subject(address.upper()) == normalise_subject(f" {address}\n") == address


@pytest.mark.parametrize("chain", sorted(NETWORKS))
def test_every_kind_of_address_of_every_network_is_a_subject_in_its_own_spelling(chain: str) -> None:
    for address in addresses_of(KEY, chain).values():
        assert normalise_subject(address) == address


def test_the_hash_of_a_script_is_not_taken_for_the_hash_of_a_key() -> None:
    """A 20-byte program and a 32-byte program of one prefix stay apart."""
    digest_20 = encode_segwit("bc", 0, bytes(20))
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, signature(39), digest_20)
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, signature(39), encode_segwit("bc", 0, bytes(32)))
