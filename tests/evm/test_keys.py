"""Keys, addresses, signatures and keystores, compared with an independent implementation and published vectors."""

import hmac
import json
import re
from inspect import getsource
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import Node, derive_child_key
from eth_hash.auto import keccak
from eth_keyfile.keyfile import create_keyfile_json
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.evm.coding import rlp, unrlp
from adapters.evm.keys import AccountKey, BadExtendedKey, ExtendedPrivateKey, ExtendedPublicKey
from adapters.evm.keystore import seal, unseal
from adapters.evm.transactions import Transaction, txid_of
from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.evm import tokens
from domain.evm.addresses import parse_evm_address, spell_address
from domain.evm.keccak import keccak256
from domain.evm.networks import EVM_NETWORKS
from domain.node_refusals import WalletLocked, WalletNotLoaded
from tests.evm.world import PASSWORD, QUICK, STRANGER

# BIP-32, test vector 2: m and m/0, neither hardened, as (chain code, key).
PARENT = (
    "60499f801b896d83179a4374aeb7822aaeaceaa0db1f85ee3e904c4defbd9689",
    "03cbcaa9c98c877a26977d00825c956a238e8dddfbd322cce4f74b0b5bd6ace4a7",
)
PARENT_SECRET = "4b03d6fc340455b363f51020ad3ecca4f0850280cf436c70c727923f6db46c3e"
CHILD = (
    "f0909affaa7ee7abe5dd4e100598d4dc53cd709d5a5c2cac40e7412f232f7c9c",
    "02fc9e5af0ac8d9b3cecfe2a888e2117ba3d089d8585886c9c826b6b22a98d12ea",
)
WORDS = "test test test test test test test test test test test junk"
# EIP-55's own examples.
SPELLED = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@given(some.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_digests_agree(data: bytes) -> None:
    assert keccak256(data) == keccak(data)


@pytest.mark.parametrize("text", SPELLED)
def test_an_address_is_read_in_one_case_or_in_the_right_mixture(text: str) -> None:
    for spelling in (text, text.lower(), "0x" + text[2:].upper()):
        assert parse_evm_address(spelling).text == text
    if text[2:] not in {text[2:].upper(), text[2:].lower()}:
        place = next(place for place in range(2, 42) if text[place].isalpha())
        with pytest.raises(InvalidAddress):
            parse_evm_address(text[:place] + text[place].swapcase() + text[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "0x", SPELLED[0][2:], SPELLED[0] + "0", SPELLED[0][:-1] + "g", "0X" + "0" * 40, 7]
)
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(InvalidAddress):
        parse_evm_address(text, field="destination")


def test_nothing_is_paid_to_the_zero_address() -> None:
    with pytest.raises(UnsupportedAddress):
        parse_evm_address("0x" + "00" * 20)


def test_every_contract_that_ships_is_spelled_with_its_checksum() -> None:
    spelled = re.findall(r'"(0x[0-9a-fA-F]{40})"', getsource(tokens))
    assert len(spelled) == len(set(spelled)) == sum(len(one.contracts) for row in tokens.TOKENS.values() for one in row)
    for text in spelled:
        assert spell_address(bytes.fromhex(text[2:])) == text


def test_rows_name_each_asset_once_and_ask_for_payment_on_their_chain() -> None:
    names = [asset.asset_id for row in EVM_NETWORKS.values() for asset in row.assets]
    assert len(names) == len(set(names))
    row = EVM_NETWORKS["gnosis"]
    assert row.payment_uri(STRANGER, amount_minor=5) == f"ethereum:{STRANGER}@100?value=5"
    contract = row.assets[1].contracts[0]
    asked = row.payment_uri(STRANGER, contract=contract, amount_minor=7)
    assert asked == f"ethereum:{contract}@100/transfer?address={STRANGER}&uint256=7"


def test_children_of_an_extended_key_are_those_of_the_standard() -> None:
    private = ExtendedPrivateKey(bytes.fromhex(PARENT_SECRET), bytes.fromhex(PARENT[0]))
    parent = ExtendedPublicKey.read(private.public().write())
    assert (parent.chain_code.hex(), parent.point.format().hex()) == PARENT
    assert (parent.child(0).chain_code.hex(), parent.child(0).point.format().hex()) == CHILD
    for index in (0, 1, 1_000_000):
        assert private.deposit_key(index).payload == parent.deposit_address(index)
    assert ExtendedPrivateKey.read(private.write()).deposit_key(3) == private.deposit_key(3)


def test_deposit_addresses_are_those_that_wallets_derive_from_the_same_words() -> None:
    """The account's extended public key, as any wallet shows it for m/44'/60'/0', is all that the service is given."""
    Account.enable_unaudited_hdwallet_features()
    seed = seed_from_mnemonic(WORDS, "")
    node = hmac.digest(b"Bitcoin seed", seed, "sha512")
    secret, chain_code = node[:32], node[32:]
    for step in ("44'", "60'", "0'"):
        secret, chain_code = derive_child_key(secret, chain_code, Node.decode(step))
    public = ExtendedPublicKey.read(ExtendedPrivateKey(secret, chain_code).public().write())
    for index in (0, 5):
        theirs = Account.from_mnemonic(WORDS, account_path=f"m/44'/60'/0'/0/{index}")
        assert spell_address(public.deposit_address(index)) == theirs.address


def test_an_extended_private_key_is_refused_as_a_public_one_without_being_repeated() -> None:
    private = ExtendedPrivateKey(bytes.fromhex(PARENT_SECRET), bytes.fromhex(PARENT[0]))
    with pytest.raises(BadExtendedKey) as caught:
        ExtendedPublicKey.read(private.write())
    assert "xprv" not in str(caught.value)
    spelled = private.public().write()
    for text in ("", "xpub", spelled[:-1] + ("C" if spelled[-1] != "C" else "D")):
        with pytest.raises(BadExtendedKey):
            ExtendedPublicKey.read(text)
    with pytest.raises(BadExtendedKey):
        ExtendedPrivateKey.read(spelled)


@given(
    nonce=some.integers(0, 2**63),
    fees=some.tuples(some.integers(0, 10**12), some.integers(1, 10**13)),
    gas=some.integers(21_000, 10**7),
    value=some.integers(0, 10**30),
    data=some.binary(max_size=80),
)
@settings(max_examples=25, deadline=None)
def test_signed_bytes_are_those_that_an_independent_signer_makes(
    nonce: int, fees: tuple[int, int], gas: int, value: int, data: bytes
) -> None:
    key = AccountKey(keccak256(b"a key for tests"))
    recipient = bytes.fromhex(STRANGER[2:])
    ours = Transaction(31337, nonce, fees[0], fees[1], gas, recipient, value, data)
    theirs = Account.sign_transaction(
        {
            "type": 2, "chainId": 31337, "nonce": nonce, "maxPriorityFeePerGas": fees[0], "maxFeePerGas": fees[1],
            "gas": gas, "to": STRANGER, "value": value, "data": data,
        },
        key.secret,
    )  # fmt: skip
    txid, raw = ours.signed(key)
    assert raw == "0x" + theirs.raw_transaction.hex()
    assert txid == "0x" + theirs.hash.hex() == txid_of(raw)
    assert Transaction.read(raw) == ours
    assert Transaction.signer(raw) == key.address.lower() == Account.from_key(key.secret).address.lower()


@given(some.recursive(some.binary(max_size=70), lambda inner: some.lists(inner, max_size=6), max_leaves=12))
@settings(max_examples=60, deadline=None)
def test_what_is_written_in_rlp_is_read_again(item: object) -> None:
    assert unrlp(rlp(item)) == item  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "83aabb", "c1", "8180ff", "b90001"])
def test_damaged_rlp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="item"):
        unrlp(bytes.fromhex(text))


@pytest.mark.parametrize("kind", ["scrypt", "pbkdf2"])
def test_keystores_of_other_wallets_open_here(tmp_path: Path, kind: str) -> None:
    secret = AccountKey.generate().secret
    stored = create_keyfile_json(secret, PASSWORD.encode(), kdf=kind, iterations=QUICK)  # type: ignore[arg-type]
    path = tmp_path / "key.json"
    path.write_text(json.dumps(stored))
    assert unseal(path, PASSWORD) == secret
    with pytest.raises(WalletLocked):
        unseal(path, "another")


def test_keystores_made_here_open_elsewhere(tmp_path: Path) -> None:
    secret = AccountKey.generate().secret
    assert Account.decrypt(seal(secret, PASSWORD, strength=QUICK), PASSWORD) == secret


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 3, "crypto": {}}', "null"])
def test_what_is_no_keystore_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    with pytest.raises(WalletNotLoaded):
        unseal(path, PASSWORD)
    path.write_text(text)
    with pytest.raises(WalletNotLoaded):
        unseal(path, PASSWORD)
