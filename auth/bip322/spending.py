"""Whether a transaction's one input may spend from an address: each kind of address by its own rules."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from coincurve import PublicKey, PublicKeyXOnly

from auth.bip322 import sighash
from auth.bip322.encoding import compact_size, hash160, push, sha256, string, tagged_hash
from auth.bip322.machine import CheckSignature, Machine, demand
from auth.bip322.script import parse, run
from auth.bip322.transactions import Transaction
from auth.ecdsa import der_of, low_s, read_der
from auth.signature_refusals import InconclusiveSignature, InvalidSignature
from domain.addresses import Address, AddressKind

_KEY_SIZES: Final = {2: 33, 3: 33, 4: 65}
_COMPRESSED_SIZE: Final = 33
_X_ONLY_SIZE: Final = 32
_SCHNORR_SIZE: Final = 64
_KEY_AND_SIGNATURE: Final = 2
_LAST_PUSH: Final = 0x60
_ANNEX: Final = 0x50
_TAPSCRIPT: Final = 0xC0
_CONTROL_HEAD_SIZE: Final = 33
_NODE_SIZE: Final = 32
_DEPTH_MAX: Final = 128
_CHECKS_MAX: Final = 201
_SIZE_PER_CHECK: Final = 50
_V0_KEY_HASH: Final = b"\x00\x14"
_V0_SCRIPT_HASH: Final = b"\x00\x20"

SignedBy = bytes | None
"""The compressed key of a single-key address; None for any other address."""


def check(transaction: Transaction, address: Address, *, is_simple: bool) -> SignedBy:
    """Check that the first input satisfies the address; `is_simple` when the proof brought a witness only.

    Raises InvalidSignature, InconclusiveSignature.
    """
    if address.kind is AddressKind.P2SH:
        return _p2sh(transaction, address.payload, is_simple=is_simple)
    if address.kind is not AddressKind.P2PKH:
        demand(not transaction.inputs[0].script_sig, "a segwit input has nothing in its scriptSig")
    return _CHECKS[address.kind](transaction, address.payload)


def _p2pkh(transaction: Transaction, digest: bytes) -> SignedBy:
    demand(not transaction.inputs[0].witness, "an input without segwit has no witness")
    items = _pushes(transaction.inputs[0].script_sig)
    demand(len(items) == _KEY_AND_SIGNATURE, "it takes a signature and a key")
    signature, key = items
    return _single_key(signature, key, digest, _checks_ecdsa(transaction, _script_of(digest), is_segwit=False))


def _p2wpkh(transaction: Transaction, digest: bytes) -> SignedBy:
    demand(len(transaction.inputs[0].witness) == _KEY_AND_SIGNATURE, "it takes a signature and a key")
    signature, key = transaction.inputs[0].witness
    return _single_key(signature, key, digest, _checks_ecdsa(transaction, _script_of(digest), is_segwit=True))


def _single_key(signature: bytes, key: bytes, digest: bytes, signed: CheckSignature) -> bytes:
    demand(hash160(key) == digest, "the key is another address's")
    demand(bool(signature) and signed(signature, key), "the signature is not the key's")
    return PublicKey(key).format()


def _p2wsh(transaction: Transaction, digest: bytes) -> SignedBy:
    demand(bool(transaction.inputs[0].witness), "there is no script")
    *items, script = transaction.inputs[0].witness
    demand(sha256(script) == digest, "the script is another address's")
    signed = _checks_ecdsa(transaction, script, is_segwit=True)
    run(script, _machine(transaction, items, signed))
    return None


def _p2sh(transaction: Transaction, digest: bytes, *, is_simple: bool) -> SignedBy:
    """A script behind its hash: a witness program, or the script in the last push of the scriptSig.

    A simple proof has no scriptSig; it can only be the push of the program that the witness fits.
    """
    spent = transaction.inputs[0]
    if not spent.witness:
        return _legacy_script(transaction, digest)
    is_key = len(spent.witness) == _KEY_AND_SIGNATURE and len(spent.witness[1]) == _COMPRESSED_SIZE
    inner = hash160(spent.witness[-1]) if is_key else sha256(spent.witness[-1])
    program = (_V0_KEY_HASH if is_key else _V0_SCRIPT_HASH) + inner
    demand(hash160(program) == digest, "the witness is another address's")
    demand(is_simple or spent.script_sig == push(program), "the scriptSig is not the push of the witness program")
    return (_p2wpkh if is_key else _p2wsh)(transaction, inner)


def _legacy_script(transaction: Transaction, digest: bytes) -> SignedBy:
    items = _pushes(transaction.inputs[0].script_sig)
    demand(bool(items), "there is no script")
    *items, script = items
    demand(hash160(script) == digest, "the script is another address's")
    run(script, _machine(transaction, items, _checks_ecdsa(transaction, script, is_segwit=False)))
    return None


def _p2tr(transaction: Transaction, output_key: bytes) -> SignedBy:
    """A Taproot output, by its key or by one of its scripts (BIP-341)."""
    items = transaction.inputs[0].witness
    demand(bool(items), "there is no signature")
    if len(items) > 1 and items[-1][:1] == bytes([_ANNEX]):
        raise InconclusiveSignature("the witness has an annex, which has no rules yet")
    script = b"\x51" + push(output_key)
    if len(items) == 1:
        demand(_checks_schnorr(transaction, script)(items[0], output_key), "the signature is not the key's")
        return None
    *items_below, leaf, control = items
    leaf_hash = _leaf_of(leaf, control, output_key)
    signed = _checks_schnorr(transaction, script, leaf_hash=leaf_hash)
    run(leaf, _machine(transaction, items_below, signed, is_tapscript=True))
    return None


def _leaf_of(leaf: bytes, control: bytes, output_key: bytes) -> bytes:
    """The hash of a script that the output key commits to."""
    depth, rest = divmod(len(control) - _CONTROL_HEAD_SIZE, _NODE_SIZE)
    demand(0 <= depth <= _DEPTH_MAX and not rest, "the way to the script is cut short")
    version, parity, inner_key = control[0] & 0xFE, control[0] & 1, control[1:_CONTROL_HEAD_SIZE]
    node = leaf_hash = tagged_hash("TapLeaf", bytes([version]) + string(leaf))
    for start in range(_CONTROL_HEAD_SIZE, len(control), _NODE_SIZE):
        node = tagged_hash("TapBranch", b"".join(sorted((node, control[start : start + _NODE_SIZE]))))
    try:
        tweaked = PublicKeyXOnly(inner_key)
        tweaked.tweak_add(tagged_hash("TapTweak", inner_key + node))
    except ValueError as reason:
        raise InvalidSignature("the proof does not hold: the inner key is no key") from reason
    demand(tweaked.format() == output_key and tweaked.parity is bool(parity), "the script is another address's")
    if version != _TAPSCRIPT:
        raise InconclusiveSignature("the script is of a version that has no rules yet")
    return leaf_hash


_CHECKS: Final[Mapping[AddressKind, Callable[[Transaction, bytes], SignedBy]]] = MappingProxyType(
    {
        AddressKind.P2PKH: _p2pkh,
        AddressKind.P2WPKH: _p2wpkh,
        AddressKind.P2WSH: _p2wsh,
        AddressKind.P2TR: _p2tr,
    }
)


def _machine(
    transaction: Transaction, items: list[bytes], signed: CheckSignature, *, is_tapscript: bool = False
) -> Machine:
    """A machine with these items on its stack, and as many signature checks as consensus allows.

    A Taproot script may check one signature, and one more for every 50 bytes of its witness (BIP-342).
    """
    witness = transaction.inputs[0].witness
    size = len(compact_size(len(witness))) + sum(len(string(item)) for item in witness)
    checks = 1 + size // _SIZE_PER_CHECK if is_tapscript else _CHECKS_MAX
    machine = Machine(transaction, signed, is_tapscript, [], checks)
    for item in items:
        machine.push(item)
    return machine


def _pushes(script_sig: bytes) -> list[bytes]:
    """The items that a scriptSig pushes; it may contain nothing but pushes."""
    items = []
    for step in parse(script_sig):
        demand(step.opcode <= _LAST_PUSH and step.pushed is not None, "the scriptSig does more than push")
        items.append(step.pushed or b"")
    return items


def _script_of(key_hash: bytes) -> bytes:
    """The script that a single-key address stands for."""
    return b"\x76\xa9\x14" + key_hash + b"\x88\xac"


def _checks_ecdsa(transaction: Transaction, script_code: bytes, *, is_segwit: bool) -> CheckSignature:
    """A checker of ECDSA signatures: strict DER, low S, SIGHASH_ALL (LOW_S, STRICTENC)."""
    digest = (sighash.segwit_v0 if is_segwit else sighash.legacy)(transaction, script_code)

    def signed(signature: bytes, key: bytes) -> bool:
        demand(is_segwit or push(signature) not in script_code, "FindAndDelete is forbidden")
        demand(signature[-1:] == bytes([sighash.SIGHASH_ALL]), "a signature is not over everything (SIGHASH_ALL)")
        try:
            numbers = read_der(signature[:-1])
        except ValueError as reason:
            raise InvalidSignature(f"the proof does not hold: {reason}") from reason
        demand(numbers == low_s(*numbers), "a signature has the high S")
        return _public_key(key, is_segwit=is_segwit).verify(der_of(*numbers), digest, hasher=None)

    return signed


def _public_key(key: bytes, *, is_segwit: bool) -> PublicKey:
    demand(bool(key) and len(key) == _KEY_SIZES.get(key[0]), "a key is badly spelled")
    if is_segwit and len(key) != _COMPRESSED_SIZE:
        raise InconclusiveSignature("segwit with an uncompressed key is not standard")
    try:
        return PublicKey(key)
    except ValueError as reason:
        raise InvalidSignature("the proof does not hold: a key is no point on the curve") from reason


def _checks_schnorr(transaction: Transaction, script: bytes, *, leaf_hash: bytes | None = None) -> CheckSignature:
    """A checker of Schnorr signatures (BIP-340), with SIGHASH_ALL or the default."""

    def signed(signature: bytes, key: bytes) -> bool:
        hash_type = sighash.SIGHASH_DEFAULT
        if len(signature) == _SCHNORR_SIZE + 1:
            hash_type = signature[-1]
            demand(hash_type == sighash.SIGHASH_ALL, "a signature is not over everything (SIGHASH_ALL)")
        else:
            demand(len(signature) == _SCHNORR_SIZE, "a signature has the wrong length")
        demand(bool(key), "there is no key")
        if len(key) != _X_ONLY_SIZE:
            raise InconclusiveSignature("the script uses a kind of key that has no rules yet")
        try:
            public_key = PublicKeyXOnly(key)
        except ValueError as reason:
            raise InvalidSignature("the proof does not hold: a key is no point on the curve") from reason
        digest = sighash.taproot(transaction, script, hash_type, leaf_hash=leaf_hash)
        return public_key.verify(signature[:_SCHNORR_SIZE], digest)

    return signed
