"""LUD-04's arithmetic and spelling: what counts as a wallet's answer, and what wallets are shown."""

import pytest
from coincurve import PrivateKey

from auth import lnurl
from auth.ecdsa import ORDER, der_of, read_der
from domain.bech32 import encode_bech32

# The example of LUD-04 itself.
K1 = "e2af6254a8df433264fa23f67eb8188635d15ce883e8fc020989d5f82ae6f11e"
KEY = "02c3b844b8104f0c1b15c507774c9ba7fc609f58f343b9b149122e944dd20c9362"
SIGNATURE = (
    "304402203767faf494f110b139293d9bab3c50e07b3bf33c463d4aa767256cd09132dc5102205821f8efacdb5c595b92ada255876d920"
    "1e126e2f31a140d44561cc1f7e9e43d"
)


def test_the_example_of_the_specification_passes() -> None:
    lnurl.verify(K1, SIGNATURE, KEY)
    lnurl.verify(K1, SIGNATURE.upper(), KEY)


def test_the_high_twin_of_a_signature_passes_as_well() -> None:
    r, s = read_der(bytes.fromhex(SIGNATURE))
    lnurl.verify(K1, der_of(r, ORDER - s).hex(), KEY)


@pytest.mark.parametrize(
    "key",
    [
        PrivateKey(bytes(31) + bytes([7])).public_key.format().hex(),
        "03" + KEY[2:],
    ],
)
def test_another_key_did_not_sign(key: str) -> None:
    with pytest.raises(lnurl.LnurlNotSigned):
        lnurl.verify(K1, SIGNATURE, key)


def test_what_was_signed_is_k1_itself_and_not_its_hash() -> None:
    key = PrivateKey()
    hashed = key.sign(bytes.fromhex(K1)).hex()
    with pytest.raises(lnurl.LnurlNotSigned):
        lnurl.verify(K1, hashed, key.public_key.format().hex())
    lnurl.verify(K1, key.sign(bytes.fromhex(K1), hasher=None).hex(), key.public_key.format().hex())


_POINT = PrivateKey(b"\x01" * 32).public_key


@pytest.mark.parametrize(
    "key",
    [
        "",
        KEY.upper(),
        KEY[:-2],
        KEY + "00",
        "02" + "ff" * 32,
        "04" + KEY[2:],
        _POINT.format(compressed=False).hex(),
        "06" + _POINT.format(compressed=False).hex()[2:],
        "zz" * 33,
        "\uff10" * 66,
    ],
)
def test_a_key_in_another_spelling_is_refused(key: str) -> None:
    with pytest.raises(lnurl.LnurlMalformed):
        lnurl.verify(K1, SIGNATURE, key)


@pytest.mark.parametrize(
    "signature",
    ["", "30", "3", SIGNATURE[:-2], SIGNATURE + "00", "31" + SIGNATURE[2:], "00" * 70, "zz" * 70, "ab" * 4000,
     "3006020100020100", "3006020101020180", "\x00" * 70],
)  # fmt: skip
def test_a_signature_that_is_not_der_is_refused_by_name(signature: str) -> None:
    with pytest.raises(lnurl.LnurlMalformed):
        lnurl.verify(K1, signature, KEY)


def test_an_lnurl_is_spelled_as_in_the_specification() -> None:
    # The example of LUD-01.
    url = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df"
    assert lnurl.encoded(url) == (
        "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCR"
        "VWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS"
    )
    assert encode_bech32("lnurl", b"").startswith("lnurl1")


def test_a_link_opens_a_wallet_on_the_same_device() -> None:
    assert lnurl.keyauth("https://money.example/a?tag=login&k1=00") == "keyauth://money.example/a?tag=login&k1=00"
    assert lnurl.keyauth("http://127.0.0.1:8080/a") == "keyauth://127.0.0.1:8080/a"
