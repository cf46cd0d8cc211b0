"""Signature hashes for the one input of a BIP-322 transaction (SIGHASH_ALL)."""

from typing import Final

from auth.bip322.encoding import compact_size, hash256, sha256, string, tagged_hash
from auth.bip322.transactions import Transaction, spell_output

SIGHASH_ALL: Final = 1
SIGHASH_DEFAULT: Final = 0
_AMOUNT: Final = bytes(8)
"""The amount of the output that holds the message: zero."""
_LAST_SEPARATOR_NONE: Final = b"\xff\xff\xff\xff"


def legacy(transaction: Transaction, script_code: bytes) -> bytes:
    """For outputs from before SegWit."""
    return hash256(
        _number(transaction.version)
        + compact_size(1)
        + transaction.inputs[0].outpoint
        + string(script_code)
        + _number(transaction.inputs[0].sequence)
        + compact_size(len(transaction.outputs))
        + _outputs(transaction)
        + _number(transaction.lock_time)
        + _number(SIGHASH_ALL)
    )


def segwit_v0(transaction: Transaction, script_code: bytes) -> bytes:
    """For P2WPKH and P2WSH (BIP-143)."""
    spent = transaction.inputs[0]
    return hash256(
        _number(transaction.version)
        + hash256(spent.outpoint)
        + hash256(_number(spent.sequence))
        + spent.outpoint
        + string(script_code)
        + _AMOUNT
        + _number(spent.sequence)
        + hash256(_outputs(transaction))
        + _number(transaction.lock_time)
        + _number(SIGHASH_ALL)
    )


def taproot(transaction: Transaction, script: bytes, hash_type: int, *, leaf_hash: bytes | None = None) -> bytes:
    """For P2TR (BIP-341), or for one of its scripts (BIP-342) when `leaf_hash` names one; `script` is the output's."""
    spent = transaction.inputs[0]
    raw = (
        bytes([0, hash_type])
        + _number(transaction.version)
        + _number(transaction.lock_time)
        + sha256(spent.outpoint)
        + sha256(_AMOUNT)
        + sha256(string(script))
        + sha256(_number(spent.sequence))
        + sha256(_outputs(transaction))
        + bytes([0 if leaf_hash is None else 2])
        + _number(0)
    )
    if leaf_hash is not None:
        raw += leaf_hash + b"\x00" + _LAST_SEPARATOR_NONE
    return tagged_hash("TapSighash", raw)


def _number(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _outputs(transaction: Transaction) -> bytes:
    return b"".join(spell_output(*output) for output in transaction.outputs)
