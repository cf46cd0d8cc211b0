"""An input shows which script it spends, in every form that hashes a key or a script."""

import pytest

from domain.key_scripts import scripts_of
from domain.spent_scripts import spent_script

KEY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
SIGNATURE = b"\x30" + b"\x01" * 70


def push(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def test_every_single_key_form_is_recognised() -> None:
    key = bytes.fromhex(KEY)
    p2wpkh = spent_script(b"", [SIGNATURE, key])
    p2pkh = spent_script(push(SIGNATURE) + push(key), [])
    assert p2wpkh is not None
    nested = spent_script(push(p2wpkh), [SIGNATURE, key])
    assert {p2pkh, p2wpkh, nested} < scripts_of(KEY)


def test_a_script_behind_a_hash_is_recognised() -> None:
    assert (spent_script(b"\x00" + push(SIGNATURE) + push(b"\x51\xae"), []) or b"").startswith(b"\xa9\x14")
    assert (spent_script(b"", [b"", SIGNATURE, b"\x51\xae"]) or b"").startswith(b"\x00\x20")


@pytest.mark.parametrize(
    ("signature_script", "witness"),
    [(b"", [b"\x01" * 64]), (b"", [b"\x51", b"\xc0" + b"\x02" * 32]), (b"", []), (b"\x4c", []), (b"\x76", [])],
)
def test_what_does_not_show_it_is_not_guessed(signature_script: bytes, witness: list[bytes]) -> None:
    assert spent_script(signature_script, witness) is None
