"""The script interpreter: what each operation does, and the rules that BIP-322 requires of every script."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import pytest
from coincurve import PrivateKey, PublicKeyXOnly
from hypothesis import given
from hypothesis import strategies as st

from auth.bip322 import sighash
from auth.bip322.encoding import Reader, compact_size, push, string, tagged_hash
from auth.bip322.machine import Machine, is_true, read_number, spell_number
from auth.bip322.opcodes import OPERATIONS
from auth.bip322.script import execute, parse, run
from auth.bip322.transactions import Input, Transaction, to_sign
from auth.signature_refusals import InconclusiveSignature, InvalidSignature, MalformedSignature
from auth.signatures import verify
from domain.bech32 import encode_segwit
from tests.auth.signer import spell_witness, tweaked

KEY, OTHER = PrivateKey.from_int(7), PrivateKey.from_int(8)
MESSAGE: Final = "Sign in to localhost as me."
GOOD: Final = b"good"
"""What the machine of these tests takes for a signature, by any key."""


def machine(
    stack: Sequence[bytes] = (), *, version: int = 2, lock_time: int = 0, sequence: int = 0, tapscript: bool = False
) -> Machine:
    transaction = Transaction(version, (Input(bytes(36), sequence=sequence),), ((0, b"\x6a"),), lock_time)
    return Machine(transaction, lambda signature, _: signature == GOOD, tapscript, list(stack), checks_left=10)


def left_by(script: str, *stack: bytes, **options: int) -> list[bytes]:
    ready = machine(stack, **options)  # type: ignore[arg-type]
    execute(bytes.fromhex(script), ready)
    return ready.stack


ONE, TWO, THREE = b"\x01", b"\x02", b"\x03"


@pytest.mark.parametrize(
    ("script", "before", "after"),
    [
        ("61", [], []),
        ("00", [], [b""]),
        ("4f", [], [b"\x81"]),
        ("51", [], [ONE]),
        ("60", [], [b"\x10"]),
        ("021122", [], [b"\x11\x22"]),
        ("4c4c" + "aa" * 76, [], [b"\xaa" * 76]),
        ("6351675268", [ONE], [ONE]),
        ("6351675268", [b""], [TWO]),
        ("6451675268", [b""], [ONE]),
        ("6451675268", [ONE], [TWO]),
        ("63635168675268", [b""], [TWO]),  # what is inside a branch not taken counts for nothing
        ("63636a676a68675268", [b""], [TWO]),
        ("69", [ONE], []),
        ("6b516c", [TWO], [ONE, TWO]),
        ("6d", [ONE, TWO], []),
        ("6e", [ONE, TWO], [ONE, TWO, ONE, TWO]),
        ("6f", [ONE, TWO, THREE], [ONE, TWO, THREE] * 2),
        ("73", [ONE], [ONE, ONE]),
        ("73", [b""], [b""]),
        ("74", [ONE, ONE], [ONE, ONE, TWO]),
        ("75", [ONE, TWO], [ONE]),
        ("76", [TWO], [TWO, TWO]),
        ("77", [ONE, TWO], [TWO]),
        ("78", [ONE, TWO], [ONE, TWO, ONE]),
        ("7b", [ONE, TWO, THREE], [TWO, THREE, ONE]),
        ("7c", [ONE, TWO], [TWO, ONE]),
        ("7d", [ONE, TWO], [TWO, ONE, TWO]),
        ("82", [b"abc"], [b"abc", THREE]),
        ("87", [ONE, ONE], [ONE]),
        ("87", [ONE, TWO], [b""]),
        ("88", [ONE, ONE], []),
        ("8b", [ONE], [TWO]),
        ("8c", [ONE], [b""]),
        ("8f", [ONE], [b"\x81"]),
        ("90", [b"\x81"], [ONE]),
        ("91", [b""], [ONE]),
        ("91", [TWO], [b""]),
        ("92", [TWO], [ONE]),
        ("93", [ONE, TWO], [THREE]),
        ("94", [ONE, TWO], [b"\x81"]),
        ("9a", [ONE, TWO], [ONE]),
        ("9a", [ONE, b""], [b""]),
        ("9b", [ONE, b""], [ONE]),
        ("9c", [TWO, TWO], [ONE]),
        ("9d", [TWO, TWO], []),
        ("9e", [ONE, TWO], [ONE]),
        ("9f", [ONE, TWO], [ONE]),
        ("a0", [ONE, TWO], [b""]),
        ("a1", [TWO, TWO], [ONE]),
        ("a2", [ONE, TWO], [b""]),
        ("a3", [ONE, TWO], [ONE]),
        ("a4", [ONE, TWO], [TWO]),
        ("a5", [ONE, ONE, TWO], [ONE]),
        ("a5", [TWO, ONE, TWO], [b""]),
        ("a6", [b""], [bytes.fromhex("9c1185a5c5e9fc54612808977ee8f548b2258d31")]),
        ("a8", [b""], [bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]),
        ("a9", [b""], [bytes.fromhex("b472a266d0bd89c13706a4132ccfb16f7c3b9fcb")]),
        ("aa", [b""], [bytes.fromhex("5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456")]),
        ("ac", [GOOD, b"k"], [ONE]),
        ("ac", [b"", b"k"], [b""]),
        ("ad", [GOOD, b"k"], []),
        ("ae", [b"", GOOD, ONE, b"k", b"l", TWO], [ONE]),
        ("ae", [b"", b"", ONE, b"k", ONE], [b""]),
        ("ae", [b"", b"", b"k", ONE], [ONE]),  # none of one is always met
        ("af", [b"", GOOD, ONE, b"k", ONE], []),
    ],
)
def test_each_operation_leaves_what_it_should(script: str, before: list[bytes], after: list[bytes]) -> None:
    assert left_by(script, *before) == after


@pytest.mark.parametrize(
    ("script", "before"),
    [
        ("63", [TWO]),  # MINIMALIF
        ("64", [b"\x00"]),
        ("6351", [ONE]),  # no ENDIF
        ("67", []),
        ("68", []),
        ("63", []),
        ("69", [b""]),
        ("6a", []),
        ("6c", []),
        ("75", []),
        ("7b", [ONE, ONE]),
        ("82", []),
        ("88", [ONE, TWO]),
        ("9d", [ONE, TWO]),
        ("8b", [b"\x01\x00"]),  # a number spelled too long
        ("8b", [b"\x80"]),
        ("8b", [b"\x01\x01\x01\x01\x01"]),
        ("ac", [b"bad", b"k"]),  # NULLFAIL
        ("ac", [GOOD]),
        ("ad", [b"", b"k"]),
        ("ae", [ONE, GOOD, ONE, b"k", ONE]),  # NULLDUMMY
        ("ae", [GOOD, ONE, b"k", ONE]),
        ("ae", [b"", GOOD, b"bad", TWO, b"k", b"l", TWO]),
        ("ae", [b"", GOOD, b"", TWO, b"k", b"l", TWO]),
        ("ae", [b"", GOOD, GOOD, TWO, b"k", ONE]),
        ("ae", [b"", GOOD, ONE, b"k", b"\x15"]),
        ("ae", [b"", GOOD, ONE, b"k", b"\x81"]),
        ("ba", [GOOD, b"", b"k"]),  # Taproot's alone
        ("0111" + "ab", []),  # CODESEPARATOR
        ("0063ab68", []),
        ("0101", []),  # pushed in a longer way than need be
        ("0181", []),
        ("0110", []),
        ("4c00", []),
        ("4c01aa", []),
        ("4d0100aa", []),
        ("4e01000000aa", []),
        ("02aa", []),  # cut short
        ("4c", []),
        ("4d01", []),
        ("4e010000", []),
        ("4d0902" + "aa" * 521, []),  # too large
        ("61" * 202, []),  # too many operations
        ("00" * 1001, []),  # too high a stack
    ],
)
def test_what_breaks_a_rule_is_invalid(script: str, before: list[bytes]) -> None:
    with pytest.raises(InvalidSignature) as caught:
        left_by(script, *before)
    assert caught.type is InvalidSignature


@pytest.mark.parametrize(
    "opcode", sorted(set(range(0x4C, 0x100)) - set(OPERATIONS) - {*range(0x4C, 0x61), 0xAB} | {0x50})
)
def test_an_operation_that_is_not_understood_is_inconclusive_wherever_it_stands(opcode: int) -> None:
    for script in (bytes([opcode]), bytes([0x00, 0x63, opcode, 0x68])):
        with pytest.raises(InconclusiveSignature):
            execute(script, machine())


@pytest.mark.parametrize("opcode", [0xB0, *range(0xB3, 0xBA)])
def test_an_operation_reserved_for_later_is_inconclusive(opcode: int) -> None:
    with pytest.raises(InconclusiveSignature):
        execute(bytes([opcode]), machine())
    assert left_by(bytes([0x00, 0x63, opcode, 0x68]).hex()) == []


@pytest.mark.parametrize(
    ("wanted", "lock_time", "sequence", "met"),
    [
        (100, 100, 0, True),
        (100, 101, 0, True),
        (100, 99, 0, False),
        (100, 500_000_100, 0, False),  # a height against a time
        (500_000_000, 500_000_000, 0, True),
        (500_000_000, 499_999_999, 0, False),
        (100, 100, 0xFFFFFFFF, False),
        (-1, 100, 0, False),
        (0xFFFFFFFF, 0xFFFFFFFF, 0, True),
    ],
)
def test_a_lock_time_is_held_against_the_transaction(wanted: int, lock_time: int, sequence: int, met: bool) -> None:
    script, item = "b1", spell_number(wanted)
    if met:
        assert left_by(script, item, lock_time=lock_time, sequence=sequence) == [item]
        return
    with pytest.raises(InvalidSignature):
        left_by(script, item, lock_time=lock_time, sequence=sequence)


@pytest.mark.parametrize(
    ("wanted", "version", "sequence", "met"),
    [
        (10, 2, 10, True),
        (10, 2, 9, False),
        (10, 1, 10, False),
        (10, 2, 1 << 31 | 10, False),
        (1 << 31, 0, 0, True),  # switched off in the script
        (1 << 22 | 5, 2, 1 << 22 | 5, True),
        (1 << 22 | 5, 2, 5, False),
        (-1, 2, 10, False),
    ],
)
def test_a_relative_lock_is_held_against_the_transaction(wanted: int, version: int, sequence: int, met: bool) -> None:
    item = spell_number(wanted)
    if met:
        assert left_by("b2", item, version=version, sequence=sequence) == [item]
        return
    with pytest.raises(InvalidSignature):
        left_by("b2", item, version=version, sequence=sequence)


def test_a_script_ends_in_exactly_one_yes() -> None:
    run(b"\xac", machine([GOOD, b"k"]))
    for script, stack in ((b"\xac", [ONE, GOOD, b"k"]), (b"\xad", [GOOD, b"k"]), (b"\xad\x00", [GOOD, b"k"])):
        with pytest.raises(InvalidSignature):
            run(script, machine(stack))


def test_a_script_checks_no_more_signatures_than_it_may() -> None:
    script = b"\x6e\xad" * 10 + b"\xac"
    with pytest.raises(InvalidSignature, match="too many signatures"):
        execute(script, machine([GOOD, b"k"]))
    execute(script[2:], machine([GOOD, b"k"]))


@given(st.integers(-(2**39) + 1, 2**39 - 1))
def test_numbers_are_read_as_they_are_spelled(number: int) -> None:
    assert read_number(spell_number(number), 5) == number


@given(st.binary(max_size=5))
def test_a_number_has_one_spelling(item: bytes) -> None:
    try:
        number = read_number(item, 5)
    except InvalidSignature:
        return
    assert spell_number(number) == item


@pytest.mark.parametrize(
    ("item", "truth"),
    [(b"", False), (b"\0\0", False), (b"\0\x80", False), (b"\x80", False), (b"\x80\0", True), (b"\0\x01", True)],
)
def test_zero_of_either_sign_is_false(item: bytes, truth: bool) -> None:
    assert is_true(item) is truth


@given(st.integers(0, 2**64 - 1))
def test_counts_are_read_as_they_are_spelled(number: int) -> None:
    assert Reader(compact_size(number)).count() == number


@pytest.mark.parametrize(
    "raw", [b"\xfd\xfc\x00", b"\xfe\xff\xff\x00\x00", b"\xff" + b"\xff" * 4 + bytes(4), b"\xfd\x00"]
)
def test_a_count_has_one_spelling(raw: bytes) -> None:
    with pytest.raises(MalformedSignature):
        Reader(raw).count()


@given(st.binary(max_size=600))
def test_what_is_pushed_is_read_back(item: bytes) -> None:
    if len(item) == 1 and (item[0] in range(1, 17) or item == b"\x81"):
        return  # these have operations of their own
    assert [step.pushed for step in parse(push(item))] == [item]


# ------------------------------------------------------------------------------------------------- scripts of Taproot


class Leaf:
    """A Taproot output with one script beside another, and how to spend it by the first."""

    def __init__(self, script: bytes, *, version: int = 0xC0) -> None:
        self.script = script
        self.leaf_hash = tagged_hash("TapLeaf", bytes([version]) + string(script))
        self.beside = tagged_hash("TapLeaf", b"\xc0" + string(b"\x51"))
        root = tagged_hash("TapBranch", b"".join(sorted((self.leaf_hash, self.beside))))
        self.output = tweaked(KEY, root).public_key.format()
        self.address = encode_segwit("bc", 1, self.output[1:])
        inner = PublicKeyXOnly.from_secret(KEY.secret).format()
        self.control = bytes([version | (self.output[0] & 1)]) + inner + self.beside

    def signature(self, key: PrivateKey, hash_type: int = 0) -> bytes:
        script = b"\x51" + push(self.output[1:])
        unsigned = to_sign(MESSAGE.encode(), script)
        return key.sign_schnorr(sighash.taproot(unsigned, script, hash_type, leaf_hash=self.leaf_hash))

    def verify(self, *items: bytes) -> str:
        return verify(MESSAGE, b64encode(spell_witness(items)).decode(), self.address)


def x_only(key: PrivateKey) -> bytes:
    return PublicKeyXOnly.from_secret(key.secret).format()


def test_a_script_of_taproot_signs_in_as_the_address() -> None:
    leaf = Leaf(push(x_only(OTHER)) + b"\xac")
    assert leaf.verify(leaf.signature(OTHER), leaf.script, leaf.control) == leaf.address
    aloud = leaf.signature(OTHER, 1) + b"\x01"
    assert leaf.verify(aloud, leaf.script, leaf.control) == leaf.address


def test_keys_of_a_taproot_script_are_counted() -> None:
    """Two of two, as Miniscript's multi_a writes it."""
    leaf = Leaf(push(x_only(KEY)) + b"\xac" + push(x_only(OTHER)) + b"\xba\x52\x9c")
    both = (leaf.signature(OTHER), leaf.signature(KEY))
    assert leaf.verify(*both, leaf.script, leaf.control) == leaf.address
    for items in ((b"", both[1]), (both[0], b""), (both[1], both[0])):
        with pytest.raises(InvalidSignature):
            leaf.verify(*items, leaf.script, leaf.control)


def test_a_taproot_script_must_be_the_outputs_own() -> None:
    leaf = Leaf(push(x_only(OTHER)) + b"\xac")
    signature = leaf.signature(OTHER)
    flipped = bytes([leaf.control[0] ^ 1]) + leaf.control[1:]
    strange = Leaf(push(x_only(KEY)) + b"\xac")
    for script, control in (
        (leaf.script, flipped),
        (leaf.script, leaf.control[:-1]),
        (leaf.script, leaf.control[:33]),
        (leaf.script, b"\xc0"),
        (leaf.script, leaf.control[:1] + b"\xff" * 32 + leaf.beside),
        (leaf.script, leaf.control + bytes(32)),
        (leaf.script, leaf.control[:33] + bytes(32 * 129)),
        (strange.script, leaf.control),
    ):
        with pytest.raises(InvalidSignature):
            leaf.verify(signature, script, control)
    with pytest.raises(InvalidSignature):
        leaf.verify(leaf.signature(KEY), leaf.script, leaf.control)


def test_what_taproot_leaves_to_later_rules_is_inconclusive() -> None:
    leaf = Leaf(push(x_only(OTHER)) + b"\xac")
    signature = leaf.signature(OTHER)
    with pytest.raises(InconclusiveSignature):
        leaf.verify(signature, leaf.script, leaf.control, b"\x50annex")
    later = Leaf(leaf.script, version=0xC2)
    with pytest.raises(InconclusiveSignature):
        later.verify(later.signature(OTHER), later.script, later.control)
    unknown_key = Leaf(push(OTHER.public_key.format()) + b"\xac")
    with pytest.raises(InconclusiveSignature):
        unknown_key.verify(unknown_key.signature(OTHER), unknown_key.script, unknown_key.control)
    always = Leaf(push(x_only(OTHER)) + b"\xac\x50")  # BIP-342: succeeds whatever else it says
    with pytest.raises(InconclusiveSignature):
        always.verify(always.signature(OTHER), always.script, always.control)


def test_a_taproot_script_has_no_multisignature() -> None:
    leaf = Leaf(b"\x51" + push(x_only(OTHER)) + b"\x51\xae")
    with pytest.raises(InvalidSignature):
        leaf.verify(b"", leaf.signature(OTHER), leaf.script, leaf.control)


def test_a_taproot_script_pays_for_its_checks_with_its_size() -> None:
    leaf = Leaf(push(x_only(OTHER)) + b"\x6e\xad" * 6 + b"\xac")
    with pytest.raises(InvalidSignature, match="too many signatures"):
        leaf.verify(leaf.signature(OTHER), leaf.script, leaf.control)
