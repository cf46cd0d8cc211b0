"""Transactions with a fee market (EIP-1559): their fields, their bytes, their signature and their id."""

from dataclasses import dataclass
from typing import Final, Self

from adapters.evm.coding import Item, number, rlp, unrlp
from adapters.evm.keys import AccountKey, signer_of
from domain.errors import ensure
from domain.evm.keccak import keccak256

_TYPE: Final = b"\x02"
_FIELDS: Final = 12


@dataclass(frozen=True, slots=True)
class Transaction:
    """An unsigned transaction. Fees are smallest units per unit of gas; `recipient` is an address as bytes."""

    chain_id: int
    nonce: int
    priority_fee_minor: int
    max_fee_minor: int
    gas_limit: int
    recipient: bytes
    value_minor: int
    data: bytes

    @property
    def cost_max_minor(self) -> int:
        """The most that its execution can cost, without its value."""
        return self.gas_limit * self.max_fee_minor

    def unsigned(self) -> bytes:
        """The bytes whose digest is signed."""
        return _TYPE + rlp(self._fields())

    def signed(self, key: AccountKey) -> tuple[str, str]:
        """(id, raw transaction), both in hexadecimal after 0x; deterministic (RFC 6979)."""
        raw_tx = self.with_signature(*key.sign(keccak256(self.unsigned())))
        return txid_of(raw_tx), raw_tx

    def with_signature(self, r: int, s: int, parity: int) -> str:
        """The raw transaction with this signature, in hexadecimal after 0x."""
        return "0x" + (_TYPE + rlp([*self._fields(), number(parity), number(r), number(s)])).hex()

    @classmethod
    def read(cls, raw_tx: str) -> Self:
        """The fields of a signed transaction of ours."""
        raw = bytes.fromhex(raw_tx.removeprefix("0x"))
        ensure(raw[:1] == _TYPE, "a stored transaction has a fee market")
        fields = unrlp(raw[1:])
        ensure(isinstance(fields, list) and len(fields) == _FIELDS, "a signed transaction has twelve fields")
        values = [field for field in fields if isinstance(field, bytes)]
        chain_id, nonce, priority, maximum, gas = (int.from_bytes(value) for value in values[:5])
        return cls(chain_id, nonce, priority, maximum, gas, values[5], int.from_bytes(values[6]), values[7])

    @classmethod
    def signer(cls, raw_tx: str) -> str:
        """The account that signed it, in lower case."""
        fields = unrlp(bytes.fromhex(raw_tx.removeprefix("0x"))[1:])
        parity, r, s = (int.from_bytes(part) for part in fields[-3:] if isinstance(part, bytes))
        return "0x" + signer_of(keccak256(cls.read(raw_tx).unsigned()), r, s, parity).hex()

    def _fields(self) -> list[Item]:
        numbers = (self.chain_id, self.nonce, self.priority_fee_minor, self.max_fee_minor, self.gas_limit)
        return [*(number(value) for value in numbers), self.recipient, number(self.value_minor), self.data, []]


def txid_of(raw_tx: str) -> str:
    """The id of a signed transaction."""
    return "0x" + keccak256(bytes.fromhex(raw_tx.removeprefix("0x"))).hex()
