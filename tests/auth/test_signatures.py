"""Signatures: who signed what, in every spelling that keys and wallets use, and nothing else."""

import hashlib
from base64 import b64decode, b64encode

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from auth.ecdsa import ORDER, der_of, read_compact, read_der
from auth.signatures import InvalidSignature, MalformedKey, MalformedSignature, normalise_subject, verify
from domain.base58 import encode_base58check
from domain.errors import StrongroomError
from domain.networks import NETWORKS

# LUD-04's example; its key signed k1 itself, without hashing, so here it serves as a signature of something else.
LUD_04_KEY = "02c3b844b8104f0c1b15c507774c9ba7fc609f58f343b9b149122e944dd20c9362"
LUD_04_SIGNATURE = (
    "304402203767faf494f110b139293d9bab3c50e07b3bf33c463d4aa767256cd09132dc5102205821f8efacdb5c595b92ada255876d9201e126e2"
    "f31a140d44561cc1f7e9e43d"
)
MESSAGE = "Sign in to localhost as me. Nonce 00. Valid until 2026-11-21T03:00:00Z."

secrets = st.integers(1, ORDER - 1).map(PrivateKey.from_int)
messages = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


def compact(key: PrivateKey, message: str) -> bytes:
    r, s = read_der(key.sign(message.encode()))
    return r.to_bytes(32) + s.to_bytes(32)


def address(key: PrivateKey, chain: str, *, compressed: bool = True) -> str:
    digest = hashlib.new("ripemd160", hashlib.sha256(key.public_key.format(compressed)).digest()).digest()
    return encode_base58check(bytes([NETWORKS[chain].p2pkh_prefix]) + digest)


def wallet_signature(key: PrivateKey, magic: str, message: str, *, compressed: bool = True) -> bytes:
    """What a wallet's "sign message" makes, written from its description rather than from the code under test."""
    raw = message.encode()
    length = bytes([len(raw)]) if len(raw) < 253 else b"\xfd" + len(raw).to_bytes(2, "little")
    framed = bytes([len(magic)]) + magic.encode() + length + raw
    signed = key.sign_recoverable(hashlib.sha256(hashlib.sha256(framed).digest()).digest(), hasher=None)
    return bytes([27 + signed[64] + (4 if compressed else 0)]) + signed[:64]


@given(secrets, messages)
def test_a_key_signs_in_every_spelling(key: PrivateKey, message: str) -> None:
    spelled = key.public_key.format().hex()
    signature = key.sign(message.encode()).hex()
    for subject in (spelled, spelled.upper(), key.public_key.format(compressed=False).hex(), f" {spelled}\n"):
        assert verify(message, signature, subject) == spelled
        assert verify(message, compact(key, message).hex(), subject) == spelled


@given(secrets)
def test_both_encodings_of_a_key_are_one_identity(key: PrivateKey) -> None:
    spelled = key.public_key.format().hex()
    assert normalise_subject(spelled.upper()) == spelled
    assert normalise_subject(key.public_key.format(compressed=False).hex()) == spelled


@given(secrets, messages)
def test_the_high_s_twin_is_the_same_signature(key: PrivateKey, message: str) -> None:
    spelled = key.public_key.format().hex()
    r, s = read_compact(compact(key, message))
    assert verify(message, der_of(r, ORDER - s).hex(), spelled) == spelled
    raw = wallet_signature(key, "Bitcoin Signed Message:\n", message)
    header = 31 + ((raw[0] - 31) ^ 1)
    twin = bytes([header]) + raw[1:33] + (ORDER - int.from_bytes(raw[33:])).to_bytes(32)
    assert verify(message, b64encode(twin).decode(), address(key, "bitcoin")) == spelled


@given(secrets, secrets, messages, messages)
def test_another_key_or_another_message_is_invalid(one: PrivateKey, two: PrivateKey, said: str, meant: str) -> None:
    signature = one.sign(said.encode()).hex()
    if said != meant:
        with pytest.raises(InvalidSignature):
            verify(meant, signature, one.public_key.format().hex())
    if one != two:
        with pytest.raises(InvalidSignature):
            verify(said, signature, two.public_key.format().hex())


@given(secrets, messages, st.sampled_from(sorted(NETWORKS)), st.booleans())
def test_an_address_signs_with_its_coins_magic(key: PrivateKey, message: str, chain: str, compressed: bool) -> None:
    subject = address(key, chain, compressed=compressed)
    raw = wallet_signature(key, NETWORKS[chain].message_magic, message, compressed=compressed)
    assert verify(message, b64encode(raw).decode(), subject) == key.public_key.format().hex()
    assert normalise_subject(subject) == subject


@pytest.mark.parametrize(("chain", "magic"), [("bitcoin", "Litecoin"), ("litecoin", "Bitcoin")])
def test_the_magic_of_another_coin_is_invalid(chain: str, magic: str) -> None:
    key = PrivateKey.from_int(7)
    raw = wallet_signature(key, f"{magic} Signed Message:\n", MESSAGE)
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(raw).decode(), address(key, chain))


def test_a_flipped_compression_bit_is_another_address() -> None:
    key = PrivateKey.from_int(7)
    raw = wallet_signature(key, "Bitcoin Signed Message:\n", MESSAGE)
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(bytes([raw[0] - 4]) + raw[1:]).decode(), address(key, "bitcoin"))


def test_a_well_formed_signature_of_something_else_is_invalid() -> None:
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, LUD_04_SIGNATURE, LUD_04_KEY)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        7,
        "",
        "02",
        "00" * 33,
        "02" + "ff" * 32,  # no point has this x
        "06" + PrivateKey.from_int(7).public_key.format(compressed=False).hex()[2:],  # a hybrid encoding
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",  # its checksum is wrong
        "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # mixed case
        "bc1sw50qgdz25j",  # a witness version without rules
        "bc1pfeesrawgf",  # anybody could spend it
        "ltcmweb1qqtnd2v2yw0a2hkjkvmelu5h5v7utp2p6a2p2yg2s2q7ekl6l5qw9uqsz3wv2ks5nlvz8asf9q86yl4yx7v0zc0sgq",
        "DFpN6QqFfUm3gKNaxN6tNcab1FArL9cZLE",  # another coin's
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",  # its checksum is wrong
        "\ud800",
        "²" * 66,
        "1" * 100_000,
    ],
)
def test_what_cannot_sign_in_is_a_malformed_key(subject: object) -> None:
    with pytest.raises(MalformedKey) as caught:
        normalise_subject(subject)
    assert caught.value.fields["subject"]


@pytest.mark.parametrize(
    "signature",
    [
        *(None, b"00", "", "0", "zz", "00" * 64, "ff" * 64, "30", "3000", "²²", "00" * 1_000_000),
        LUD_04_SIGNATURE + "00",  # something after its end
        "3006020100020101",  # r is zero
        "300602010102010",
        "30060201ff020101",  # r is negative
        "30070202000102010101",  # a needless zero, and a wrong length
    ],
)
def test_what_is_no_signature_is_malformed(signature: object) -> None:
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, signature, LUD_04_KEY)


@pytest.mark.parametrize("header", [0, 26, 35, 42, 255])
def test_headers_of_other_kinds_of_address_are_malformed(header: int) -> None:
    key = PrivateKey.from_int(7)
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, b64encode(bytes([header]) + bytes(64)).decode(), address(key, "bitcoin"))


@given(
    st.one_of(st.text(), st.binary().map(lambda raw: b64encode(raw).decode()), st.binary().map(bytes.hex), st.none())
    | st.binary(min_size=64, max_size=64).map(lambda raw: b64encode(b"\x1f" + raw).decode())
    | st.binary(min_size=64, max_size=64).map(bytes.hex)
    | st.binary(min_size=60, max_size=72).map(lambda raw: (bytes([0x30, len(raw)]) + raw).hex()),
    st.one_of(
        st.text(),
        st.just(LUD_04_KEY),
        st.binary(min_size=33, max_size=33).map(bytes.hex),
        st.binary(min_size=65, max_size=65).map(bytes.hex),
        st.binary(min_size=20, max_size=20).map(lambda digest: encode_base58check(b"\0" + digest)),
    ),
    st.text(),
)
def test_nothing_but_the_three_refusals_ever_comes_out(signature: object, subject: object, message: str) -> None:
    with pytest.raises((MalformedKey, MalformedSignature, InvalidSignature)) as caught:
        verify(message, signature, subject)
    assert isinstance(caught.value, StrongroomError)


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_der_is_written_and_read_alike(r: int, s: int) -> None:
    assert read_der(der_of(r, s)) == (r, s)


def test_base64_is_read_strictly() -> None:
    key = PrivateKey.from_int(7)
    signature = b64encode(wallet_signature(key, "Bitcoin Signed Message:\n", MESSAGE)).decode()
    assert verify(MESSAGE, f" {signature}\n", address(key, "bitcoin"))
    assert len(b64decode(signature)) == 65
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, signature[:20] + "!" + signature[20:], address(key, "bitcoin"))
