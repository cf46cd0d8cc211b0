"""BIP-322: its own vectors, and each rule that a proof must keep."""

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any, Final

import pytest
from coincurve import PrivateKey, PublicKey
from hypothesis import given
from hypothesis import strategies as st

from auth.bip322 import proof, sighash
from auth.bip322.encoding import push
from auth.bip322.transactions import Input, message_hash, read_transaction, to_sign, to_spend
from auth.ecdsa import ORDER, der_of, read_der
from auth.signature_refusals import (
    InconclusiveSignature,
    InvalidSignature,
    MalformedSignature,
    ProofOfFundsRefused,
    TimeLockedSignature,
)
from auth.signatures import verify
from auth.subjects import AddressSubject, read_subject
from domain.addresses import Address
from domain.networks import NETWORKS
from tests.auth.signer import (
    Wallet,
    addresses_of,
    from_wif,
    multisig,
    p2sh,
    p2wsh,
    spell_transaction,
    spell_witness,
    tweaked,
    wallets,
)
from tests.auth.vectors.reading import read

BASIC = read("bip322_basic")
GENERATED = read("bip322_generated")
BTCD = read("bip322_btcd_basic")
BTCD_NEGATIVE = read("bip322_btcd_negative")["error"]

MESSAGE: Final = "Sign in to localhost as me. Nonce 00. Valid until 2026-11-21T03:00:00Z."
KEY, OTHER, THIRD = (PrivateKey.from_int(number) for number in (7, 8, 9))
WALLETS: Final = wallets(KEY, OTHER, THIRD)
SEGWIT_KINDS: Final = [kind for kind in WALLETS if kind not in {"p2pkh", "p2sh multisig"}]
SINGLE_KEY_KINDS: Final = frozenset({"p2pkh", "p2wpkh", "p2sh-p2wpkh"})
PREFIXES: Final = ("smp", "ful", "pof")


def address_of(text: str) -> Address:
    subject = read_subject(text)
    assert isinstance(subject, AddressSubject)
    return subject.address


def named(row: dict[str, Any]) -> str:
    return str(row.get("description") or row["type"])


def signer_of(row: dict[str, Any]) -> str:
    """Who a vector's proof is by: the key where one key is the address, else the address."""
    if row["type"] in {"p2wpkh", "p2pkh", "p2sh-p2wpkh"}:
        return from_wif(row["private_keys"][0]).public_key.format().hex()
    return str(row["address"])


def bare(text: str) -> str:
    return text[3:] if text.startswith(PREFIXES) else text


# ------------------------------------------------------------------------------------------------- published vectors


@pytest.mark.parametrize("row", BASIC["tx_hashes"], ids=lambda row: row["message"][:12])
def test_the_message_and_both_transactions_hash_as_published(row: dict[str, Any]) -> None:
    message, script = row["message"].encode(), address_of(row["address"]).script
    assert message_hash(message).hex() == row["message_hash"]
    assert to_spend(message, script).txid[::-1].hex() == row["to_spend_tx_hash"]
    assert to_sign(message, script).txid[::-1].hex() == row["to_sign_tx_hash"]


@pytest.mark.parametrize("row", BASIC["simple"] + GENERATED["simple"], ids=named)
def test_published_simple_proofs_sign_in_with_their_prefix_and_without(row: dict[str, Any]) -> None:
    for text in row["bip322_signatures"]:
        for spelled in (bare(text), "smp" + bare(text)):
            assert verify(row["message"], spelled, row["address"]) == signer_of(row)


@pytest.mark.parametrize("row", BTCD["valid"], ids=named)
def test_published_proofs_by_a_script_sign_in_as_the_address(row: dict[str, Any]) -> None:
    assert verify(row["message"], row["signature"], row["address"]) == row["address"]


@pytest.mark.parametrize("row", GENERATED["full"], ids=named)
def test_published_full_proofs_hold_under_their_lock_and_so_sign_nobody_in(row: dict[str, Any]) -> None:
    for text in row["bip322_signatures"]:
        for spelled in (text, bare(text)):
            verdict = proof.verify(row["message"].encode(), spelled, address_of(row["address"]))
            assert (verdict.lock_time, verdict.sequence) == (row["lock_time"], row["sequence"])
            assert (verdict.public_key.hex() if verdict.public_key else row["address"]) == signer_of(row)
            with pytest.raises(TimeLockedSignature):
                verify(row["message"], spelled, row["address"])


@pytest.mark.parametrize("row", GENERATED["proof_of_funds"], ids=named)
def test_published_proofs_of_funds_are_refused_by_name(row: dict[str, Any]) -> None:
    for text in row["bip322_signatures"]:
        with pytest.raises(ProofOfFundsRefused):
            verify(row["message"], text, row["address"])


@pytest.mark.parametrize("row", BASIC["error"] + GENERATED["error"] + BTCD["error"] + BTCD_NEGATIVE, ids=named)
def test_published_errors_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises((MalformedSignature, InvalidSignature)) as caught:
        verify(row["message"], row["signature"], row["address"])
    if row["signature"].startswith("pof"):
        assert caught.type is ProofOfFundsRefused
    elif row.get("expected_result") == "inconclusive":
        assert caught.type is InconclusiveSignature
    else:
        assert caught.type in {MalformedSignature, InvalidSignature}


# ----------------------------------------------------------------------------------------------- every kind, our own


@pytest.mark.parametrize("chain", sorted(NETWORKS))
def test_every_kind_of_address_signs_simply_and_fully(chain: str) -> None:
    for kind, wallet in wallets(KEY, OTHER, THIRD, chain=chain).items():
        signer = KEY.public_key.format().hex() if kind in SINGLE_KEY_KINDS else wallet.address
        spelled = [wallet.full(MESSAGE), "ful" + wallet.full(MESSAGE)]
        if kind in SEGWIT_KINDS:
            spelled += [wallet.simple(MESSAGE), "smp" + wallet.simple(MESSAGE)]
        for text in spelled:
            assert verify(MESSAGE, f" {text}\n", wallet.address) == signer, kind


@pytest.mark.parametrize("kind", WALLETS)
def test_a_full_proof_of_version_2_without_locks_signs_in(kind: str) -> None:
    wallet = replace(WALLETS[kind], version=2)
    assert verify(MESSAGE, wallet.full(MESSAGE), wallet.address)


@pytest.mark.parametrize("kind", WALLETS)
@pytest.mark.parametrize(("lock_time", "sequence"), [(1, 0), (0, 1), (0, 0xFFFFFFFF), (0xFFFFFFFF, 0)])
def test_a_proof_under_a_time_lock_signs_nobody_in(kind: str, lock_time: int, sequence: int) -> None:
    wallet = replace(WALLETS[kind], version=2, lock_time=lock_time, sequence=sequence)
    with pytest.raises(TimeLockedSignature):
        verify(MESSAGE, wallet.full(MESSAGE), wallet.address)


@pytest.mark.parametrize("version", [1, 3, 2**32 - 1])
def test_a_version_without_rules_is_inconclusive(version: int) -> None:
    wallet = replace(WALLETS["p2wpkh"], version=version)
    with pytest.raises(InconclusiveSignature):
        verify(MESSAGE, wallet.full(MESSAGE), wallet.address)


@pytest.mark.parametrize("kind", WALLETS)
def test_another_message_or_another_address_is_invalid(kind: str) -> None:
    wallet = WALLETS[kind]
    stranger = wallets(PrivateKey.from_int(10), OTHER, THIRD)[kind]
    texts = [wallet.full(MESSAGE), *([wallet.simple(MESSAGE)] if kind in SEGWIT_KINDS else [])]
    for text in texts:
        with pytest.raises(InvalidSignature):
            verify(MESSAGE + " ", text, wallet.address)
        with pytest.raises(InvalidSignature):
            verify(MESSAGE, text, stranger.address)


@pytest.mark.parametrize("kind", WALLETS)
def test_a_second_input_makes_it_a_proof_of_funds(kind: str) -> None:
    signed = WALLETS[kind].signed(MESSAGE)
    signed = replace(signed, inputs=(*signed.inputs, Input(bytes(36))))
    for prefix in ("", "ful"):
        with pytest.raises(ProofOfFundsRefused):
            verify(MESSAGE, prefix + b64encode(spell_transaction(signed)).decode(), WALLETS[kind].address)


@pytest.mark.parametrize("kind", WALLETS)
@pytest.mark.parametrize(
    "outputs", [(), ((1, b"\x6a"),), ((0, b"\x6a\x00"),), ((0, b"\x51"),), ((0, b"\x6a"), (0, b"\x6a"))]
)
def test_the_signing_transaction_pays_nothing_to_nobody(kind: str, outputs: tuple[tuple[int, bytes], ...]) -> None:
    signed = replace(WALLETS[kind].signed(MESSAGE), outputs=outputs)
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, "ful" + b64encode(spell_transaction(signed)).decode(), WALLETS[kind].address)


@pytest.mark.parametrize("kind", SEGWIT_KINDS)
@pytest.mark.parametrize("byte", [b"\x00", b"\x02", b"\x03", b"\x81", b"\x82", b"\x83", b"\xff"])
def test_a_signature_is_over_everything(kind: str, byte: bytes) -> None:
    """Taproot's bare 64 bytes say so silently; a zero said aloud is no spelling of it (BIP-341)."""
    wallet = replace(WALLETS[kind], sighash_byte=byte)
    signed = wallet.signed(MESSAGE)
    if kind == "p2tr" and byte == b"\x00":
        spent = replace(signed.inputs[0], witness=(signed.inputs[0].witness[0] + b"\x00",))
        signed = replace(signed, inputs=(spent,))
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, "ful" + b64encode(spell_transaction(signed)).decode(), wallet.address)


def test_taproot_may_say_aloud_that_it_signs_over_everything() -> None:
    wallet = WALLETS["p2tr"]
    script = address_of(wallet.address).script
    digest = sighash.taproot(wallet.signed(MESSAGE), script, sighash.SIGHASH_ALL)
    aloud = tweaked(KEY).sign_schnorr(digest)
    assert verify(MESSAGE, b64encode(spell_witness((aloud + b"\x01",))).decode(), wallet.address) == wallet.address
    for silent in (aloud, wallet.signed(MESSAGE).inputs[0].witness[0] + b"\x01"):
        with pytest.raises(InvalidSignature):  # what is said is part of what is signed
            verify(MESSAGE, b64encode(spell_witness((silent,))).decode(), wallet.address)


@pytest.mark.parametrize("kind", ["p2wpkh", "p2sh-p2wpkh", "p2wsh single", "p2wsh multisig", "p2sh-p2wsh"])
def test_the_high_s_twin_is_invalid(kind: str) -> None:
    """LOW_S: what signmessage tolerates, BIP-322 forbids."""
    wallet = WALLETS[kind]
    items = list(wallet.signed(MESSAGE).inputs[0].witness)
    place = next(place for place, item in enumerate(items) if item[:1] == b"\x30")
    r, s = read_der(items[place][:-1])
    items[place] = der_of(r, ORDER - s) + b"\x01"
    with pytest.raises(InvalidSignature, match="high S"):
        verify(MESSAGE, b64encode(spell_witness(tuple(items))).decode(), wallet.address)


def test_a_nested_address_keeps_to_its_own_script_sig() -> None:
    for kind in ("p2sh-p2wpkh", "p2sh-p2wsh"):
        signed = WALLETS[kind].signed(MESSAGE)
        for script_sig in (b"", b"\x00", b"\x00" + signed.inputs[0].script_sig, signed.inputs[0].script_sig[:-1]):
            other = replace(signed, inputs=(replace(signed.inputs[0], script_sig=script_sig),))
            with pytest.raises(InvalidSignature):
                verify(MESSAGE, b64encode(spell_transaction(other)).decode(), WALLETS[kind].address)


@pytest.mark.parametrize("kind", ["p2wpkh", "p2wsh multisig", "p2tr"])
def test_a_native_address_has_nothing_in_its_script_sig(kind: str) -> None:
    signed = WALLETS[kind].signed(MESSAGE)
    other = replace(signed, inputs=(replace(signed.inputs[0], script_sig=b"\x00"),))
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(spell_transaction(other)).decode(), WALLETS[kind].address)


@pytest.mark.parametrize("kind", [kind for kind in WALLETS if kind != "p2tr"])
def test_another_key_or_script_cannot_sign_for_an_address(kind: str) -> None:
    """The forger signs for the right message and the right address: with a key that has nothing to do with it."""
    forger = wallets(PrivateKey.from_int(10), PrivateKey.from_int(11), THIRD)[kind]
    victim = WALLETS[kind].address
    forged = replace(forger, address=victim)
    texts = [forged.full(MESSAGE), *([forged.simple(MESSAGE)] if kind in SEGWIT_KINDS else [])]
    for text in texts:
        with pytest.raises(InvalidSignature, match="another address's"):
            verify(MESSAGE, text, victim)


def test_another_key_cannot_sign_for_a_taproot_address() -> None:
    address = WALLETS["p2tr"].address
    digest = sighash.taproot(to_sign(MESSAGE.encode(), address_of(address).script), address_of(address).script, 0)
    for key in (OTHER, tweaked(OTHER), KEY):  # the last without its tweak
        with pytest.raises(InvalidSignature):
            verify(MESSAGE, b64encode(spell_witness((key.sign_schnorr(digest),))).decode(), address)


def test_base64_has_one_spelling() -> None:
    wallet = next(wallet for wallet in WALLETS.values() if wallet.full(MESSAGE).endswith("="))
    text = wallet.full(MESSAGE)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = text.rstrip("=")[-1]
    stray = text.rstrip("=")[:-1] + letters[letters.index(last) + 1] + "=" * text.count("=")
    assert b64decode(stray) == b64decode(text)
    assert verify(MESSAGE, text, wallet.address)
    for other in (stray, text.rstrip("="), text + "=", text[:8] + "\n" + text[8:]):
        with pytest.raises(MalformedSignature):
            verify(MESSAGE, other, wallet.address)


@pytest.mark.parametrize("kind", WALLETS)
def test_nothing_follows_a_proof(kind: str) -> None:
    wallet = WALLETS[kind]
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, "ful" + b64encode(b64decode(wallet.full(MESSAGE)) + b"\0").decode(), wallet.address)
    if kind in SEGWIT_KINDS:
        with pytest.raises(MalformedSignature):
            verify(MESSAGE, "smp" + b64encode(b64decode(wallet.simple(MESSAGE)) + b"\0").decode(), wallet.address)


def test_an_address_without_segwit_has_no_witness() -> None:
    wallet = WALLETS["p2pkh"]
    signed = wallet.signed(MESSAGE)
    other = replace(signed, inputs=(replace(signed.inputs[0], witness=(b"",)),))
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(spell_transaction(other)).decode(), wallet.address)


def test_a_script_sig_does_nothing_but_push() -> None:
    wallet = WALLETS["p2sh multisig"]
    signed = wallet.signed(MESSAGE)
    assert signed.inputs[0].script_sig[:1] == b"\x00"
    other = replace(signed, inputs=(replace(signed.inputs[0], script_sig=b"\x61" + signed.inputs[0].script_sig[1:]),))
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(spell_transaction(other)).decode(), wallet.address)


def test_a_script_that_holds_its_own_signature_is_refused() -> None:
    """The old rules would cut the signature out of what is signed (FindAndDelete); BIP-322 forbids the case."""
    signature = der_of(1 << 200, 1 << 200) + b"\x01"
    held = push(signature) + b"\x75\xac"
    unheld = push(b"anything else") + b"\x75\xac"
    for script, accepted in ((unheld, True), (held, False)):
        address = p2sh(script)
        unsigned = to_sign(MESSAGE.encode(), address_of(address).script)
        recoverable = (1 << 200).to_bytes(32) * 2 + b"\0"
        # Some key made this signature, of whatever it is a signature.
        key = PublicKey.from_signature_and_message(recoverable, sighash.legacy(unsigned, script), hasher=None)
        script_sig = push(signature) + push(key.format()) + push(script)
        signed = replace(unsigned, inputs=(replace(unsigned.inputs[0], script_sig=script_sig),))
        text = b64encode(spell_transaction(signed)).decode()
        if accepted:
            assert verify(MESSAGE, text, address) == address
            continue
        with pytest.raises(InvalidSignature, match="FindAndDelete"):
            verify(MESSAGE, text, address)


def test_segwit_with_an_uncompressed_key_is_inconclusive() -> None:
    script = b"\x41" + KEY.public_key.format(compressed=False) + b"\xac"
    wallet = Wallet("p2wsh", p2wsh(script), (KEY,), script)
    with pytest.raises(InconclusiveSignature):
        verify(MESSAGE, wallet.simple(MESSAGE), wallet.address)


@pytest.mark.parametrize(
    ("keys", "accepted"),
    [
        ((KEY, OTHER), True),
        ((KEY, THIRD), True),
        ((OTHER, THIRD), True),
        ((OTHER, KEY), False),  # not in the order of the keys
        ((KEY, KEY), False),
        ((KEY,), False),
        ((KEY, OTHER, THIRD), False),
        ((KEY, PrivateKey.from_int(10)), False),
    ],
)
def test_two_of_three_keys_sign_in_their_order(keys: tuple[PrivateKey, ...], accepted: bool) -> None:
    wallet = replace(WALLETS["p2wsh multisig"], keys=keys)
    if accepted:
        assert verify(MESSAGE, wallet.simple(MESSAGE), wallet.address) == wallet.address
        return
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, wallet.simple(MESSAGE), wallet.address)


def test_the_item_that_a_multisignature_ignores_is_empty() -> None:
    wallet = WALLETS["p2wsh multisig"]
    items = (b"\x01", *wallet.signed(MESSAGE).inputs[0].witness[1:])
    with pytest.raises(InvalidSignature):
        verify(MESSAGE, b64encode(spell_witness(items)).decode(), wallet.address)


def test_a_script_that_asks_for_no_key_names_nobody() -> None:
    """Such a proof holds for every message, and anybody could make it: the challenge would prove nothing."""
    none_of_one = multisig(1, KEY)
    none_of_one = b"\x00" + none_of_one[1:]
    for script, items in ((b"\x51", ()), (b"\x87", (b"a", b"a")), (none_of_one, (b"",))):
        text = b64encode(spell_witness((*items, script))).decode()
        with pytest.raises(InconclusiveSignature):
            verify(MESSAGE, text, p2wsh(script))


def test_a_full_proof_is_not_taken_for_a_simple_one_nor_the_other_way_round() -> None:
    wallet = WALLETS["p2wpkh"]
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, "smp" + wallet.full(MESSAGE), wallet.address)
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, "ful" + wallet.simple(MESSAGE), wallet.address)


def test_an_address_without_segwit_has_no_simple_proof() -> None:
    wallet = WALLETS["p2pkh"]
    with pytest.raises(MalformedSignature):
        verify(MESSAGE, "smp" + WALLETS["p2wpkh"].simple(MESSAGE), wallet.address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smp",
        "ful",
        "AA==",
        "smpAA=",
        "smpAB==",  # bits that mean nothing are set
        "smpAg\n==",
        "smp////////////",
        "fulAAAAAAAAAAAA",
        "SMPAA==",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    for kind in ("p2wpkh", "p2wsh", "p2tr", "p2sh"):
        with pytest.raises((MalformedSignature, InvalidSignature)):
            verify(MESSAGE, text, addresses_of(KEY)[kind])


# ------------------------------------------------------------------------------------------------------- made-up ones


@given(st.sampled_from(sorted(WALLETS)), st.data())
def test_a_full_proof_with_one_bit_changed_is_refused(kind: str, data: st.DataObject) -> None:
    wallet = WALLETS[kind]
    raw = bytearray(b64decode(wallet.full(MESSAGE)))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises((MalformedSignature, InvalidSignature)):
        verify(MESSAGE, "ful" + b64encode(raw).decode(), wallet.address)


@given(st.sampled_from(SEGWIT_KINDS), st.data())
def test_a_simple_proof_with_one_bit_changed_is_refused(kind: str, data: st.DataObject) -> None:
    wallet = WALLETS[kind]
    raw = bytearray(b64decode(wallet.simple(MESSAGE)))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises((MalformedSignature, InvalidSignature)):
        verify(MESSAGE, "smp" + b64encode(raw).decode(), wallet.address)


@given(
    st.sampled_from(sorted(WALLETS)),
    st.sampled_from(["", *PREFIXES]),
    st.binary(max_size=300)
    | st.lists(st.binary(max_size=80), max_size=6).map(lambda items: spell_witness(tuple(items))),
    st.text(max_size=20),
)
def test_made_up_proofs_are_refused_and_nothing_else_happens(kind: str, prefix: str, raw: bytes, message: str) -> None:
    with pytest.raises((MalformedSignature, InvalidSignature)):
        verify(message, prefix + b64encode(raw).decode(), WALLETS[kind].address)


@given(st.binary(max_size=120), st.lists(st.binary(max_size=74), max_size=6))
def test_made_up_scripts_prove_nothing_and_nothing_else_happens(script: bytes, items: list[bytes]) -> None:
    """Every script has its address, so anybody may bring any script: it must run within bounds and sign nobody in."""
    with pytest.raises((MalformedSignature, InvalidSignature)):
        verify(MESSAGE, b64encode(spell_witness((*items, script))).decode(), p2wsh(script))


@given(st.sampled_from(sorted(WALLETS)))
def test_transactions_are_read_as_they_are_spelled(kind: str) -> None:
    signed = WALLETS[kind].signed(MESSAGE)
    assert read_transaction(spell_transaction(signed)) == signed
