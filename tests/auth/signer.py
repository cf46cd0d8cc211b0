"""A wallet that signs for every kind of address, as BIP-322 describes it."""

from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Final

from coincurve import PrivateKey, PublicKeyXOnly

from auth.bip322 import sighash
from auth.bip322.encoding import compact_size, hash160, push, sha256, string, tagged_hash
from auth.bip322.transactions import Input, Transaction, spell_output, to_sign
from auth.ecdsa import ORDER
from auth.subjects import AddressSubject, read_subject
from domain.base58 import decode_base58check, encode_base58check
from domain.bech32 import encode_segwit
from domain.networks import NETWORKS

MAGIC: Final = "Bitcoin Signed Message:\n"
ALL: Final = b"\x01"


def from_wif(text: str) -> PrivateKey:
    """The private key of a wallet's export."""
    return PrivateKey(decode_base58check(text)[1:33])


def multisig(required: int, *keys: PrivateKey) -> bytes:
    """The script that needs this many of these keys."""
    pushed = b"".join(push(key.public_key.format()) for key in keys)
    return bytes([0x50 + required]) + pushed + bytes([0x50 + len(keys), 0xAE])


def single(key: PrivateKey) -> bytes:
    """The script that needs one key."""
    return push(key.public_key.format()) + b"\xac"


def p2sh(script: bytes, chain: str = "bitcoin") -> str:
    return encode_base58check(bytes([NETWORKS[chain].p2sh_prefixes[0]]) + hash160(script))


def p2wsh(script: bytes, chain: str = "bitcoin") -> str:
    return encode_segwit(NETWORKS[chain].hrp, 0, sha256(script))


def p2tr(key: PrivateKey, chain: str = "bitcoin") -> str:
    return encode_segwit(NETWORKS[chain].hrp, 1, tweaked(key).public_key.format()[1:])


def tweaked(key: PrivateKey, root: bytes = b"") -> PrivateKey:
    """The key behind a Taproot output (BIP-341), with scripts when there is a root."""
    inner = key if key.public_key.format()[0] == 2 else PrivateKey.from_int(-key.to_int() % ORDER)
    return inner.add(tagged_hash("TapTweak", inner.public_key.format()[1:] + root))


def addresses_of(key: PrivateKey, chain: str = "bitcoin") -> dict[str, str]:
    """One key's address of each type."""
    network = NETWORKS[chain]
    key_hash = hash160(key.public_key.format())
    return {
        "p2pkh": encode_base58check(bytes([network.p2pkh_prefix]) + key_hash),
        "p2sh": p2sh(b"\x00\x14" + key_hash, chain),
        "p2wpkh": encode_segwit(network.hrp, 0, key_hash),
        "p2wsh": p2wsh(single(key), chain),
        "p2tr": p2tr(key, chain),
    }


@dataclass(frozen=True, slots=True)
class Wallet:
    """Keys for one address; `script` for an address of a script, `kind` as named in addresses.py."""

    kind: str
    address: str
    keys: tuple[PrivateKey, ...]
    script: bytes = b""
    # Deviations for tests.
    version: int = 0
    lock_time: int = 0
    sequence: int = 0
    sighash_byte: bytes = ALL
    more_inputs: tuple[Input, ...] = field(default=())

    def signed(self, message: str) -> Transaction:
        """The signing transaction."""
        script = _script_of(self.address)
        plain = to_sign(message.encode(), script)
        spent = replace(plain.inputs[0], sequence=self.sequence)
        unsigned = Transaction(self.version, (spent, *self.more_inputs), plain.outputs, self.lock_time)
        script_sig, witness = getattr(self, f"_{self.kind}")(unsigned)
        spent = replace(spent, script_sig=script_sig, witness=witness)
        return replace(unsigned, inputs=(spent, *self.more_inputs))

    def simple(self, message: str) -> str:
        """The simple proof, without its prefix."""
        return b64encode(spell_witness(self.signed(message).inputs[0].witness)).decode()

    def full(self, message: str) -> str:
        """The full proof, without its prefix."""
        return b64encode(spell_transaction(self.signed(message))).decode()

    def _p2pkh(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        key = self.keys[0].public_key.format()
        digest = sighash.legacy(unsigned, b"\x76\xa9" + push(hash160(key)) + b"\x88\xac")
        return push(self._ecdsa(self.keys[0], digest)) + push(key), ()

    def _p2wpkh(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        key = self.keys[0].public_key.format()
        digest = sighash.segwit_v0(unsigned, b"\x76\xa9" + push(hash160(key)) + b"\x88\xac")
        return b"", (self._ecdsa(self.keys[0], digest), key)

    def _p2sh_p2wpkh(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        program = b"\x00\x14" + hash160(self.keys[0].public_key.format())
        return push(program), self._p2wpkh(unsigned)[1]

    def _p2wsh(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        digest = sighash.segwit_v0(unsigned, self.script)
        signatures = [self._ecdsa(key, digest) for key in self.keys]
        ignored = [b""] if self.script[-1] == 0xAE else []
        return b"", (*ignored, *signatures, self.script)

    def _p2sh_p2wsh(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        return push(b"\x00\x20" + sha256(self.script)), self._p2wsh(unsigned)[1]

    def _p2sh_multisig(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        digest = sighash.legacy(unsigned, self.script)
        signatures = b"".join(push(self._ecdsa(key, digest)) for key in self.keys)
        return b"\x00" + signatures + push(self.script), ()

    def _p2tr(self, unsigned: Transaction) -> tuple[bytes, tuple[bytes, ...]]:
        script = _script_of(self.address)
        key = tweaked(self.keys[0])
        assert PublicKeyXOnly.from_secret(key.secret).format() == script[2:]
        hash_type = self.sighash_byte[0] if self.sighash_byte != ALL else 0
        signature = key.sign_schnorr(sighash.taproot(unsigned, script, hash_type))
        return b"", (signature + (self.sighash_byte if hash_type else b""),)

    def _ecdsa(self, key: PrivateKey, digest: bytes) -> bytes:
        return key.sign(digest, hasher=None) + self.sighash_byte


def wallets(key: PrivateKey, *others: PrivateKey, chain: str = "bitcoin") -> dict[str, Wallet]:
    """A wallet for each type of address."""
    found = addresses_of(key, chain)
    shared = multisig(2, key, *others)
    keys = (key, others[0])
    return {
        "p2pkh": Wallet("p2pkh", found["p2pkh"], (key,)),
        "p2wpkh": Wallet("p2wpkh", found["p2wpkh"], (key,)),
        "p2tr": Wallet("p2tr", found["p2tr"], (key,)),
        "p2sh-p2wpkh": Wallet("p2sh_p2wpkh", found["p2sh"], (key,)),
        "p2wsh single": Wallet("p2wsh", found["p2wsh"], (key,), single(key)),
        "p2wsh multisig": Wallet("p2wsh", p2wsh(shared, chain), keys, shared),
        "p2sh-p2wsh": Wallet("p2sh_p2wsh", p2sh(b"\x00\x20" + sha256(shared), chain), keys, shared),
        "p2sh multisig": Wallet("p2sh_multisig", p2sh(shared, chain), keys, shared),
    }


def spell_witness(items: tuple[bytes, ...]) -> bytes:
    return compact_size(len(items)) + b"".join(string(item) for item in items)


def spell_transaction(transaction: Transaction) -> bytes:
    """The network serialisation, with the marker if there is a witness."""
    has_witness = any(row.witness for row in transaction.inputs)
    parts = [transaction.version.to_bytes(4, "little"), b"\x00\x01" if has_witness else b""]
    parts.append(compact_size(len(transaction.inputs)))
    for row in transaction.inputs:
        parts += [row.outpoint, string(row.script_sig), row.sequence.to_bytes(4, "little")]
    parts.append(compact_size(len(transaction.outputs)))
    parts += [spell_output(*output) for output in transaction.outputs]
    if has_witness:
        parts += [spell_witness(row.witness) for row in transaction.inputs]
    return b"".join([*parts, transaction.lock_time.to_bytes(4, "little")])


def _script_of(address: str) -> bytes:
    subject = read_subject(address)
    assert isinstance(subject, AddressSubject)
    return subject.address.script
