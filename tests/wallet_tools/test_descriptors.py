"""Descriptors are read strictly, spelt one way, and never hold a private key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.descriptor_checksum import checksum_of
from domain.descriptors import (
    InvalidDescriptor,
    InvalidRange,
    PrivateDescriptor,
    UnsupportedDescriptor,
    WrongDescriptorChecksum,
    parse_descriptor,
    parse_range,
)
from domain.errors import StrongroomError
from domain.networks import NETWORKS
from domain.private_keys import holds_private_key
from tests.wallet_tools.keys import (
    TPRV_VERSION,
    XPUB_VERSION,
    ZPUB_VERSION,
    extended,
    public_hex,
    secret_of,
    summed,
    wif,
)

NETWORK = NETWORKS["litecoin-regtest"]
BITCOIN = NETWORKS["bitcoin"]
KEY, OTHER = public_hex("a"), public_hex("b")
LONG_KEY = secret_of("a").public_key.format(compressed=False).hex()
TPUB = extended("a")
CORE_XPUB = (
    "xpub6DJ2dNUysrn5Vt36jH2KLBT2i1auw1tTSSomg8PhqNiUtx8QX2SvC9nrHu81fT41fvDUnhMjEzQgXnQjKEu3oaqMSzhSrHMxyyoEAmUHQbY"
)
ADDRESS = "rltc1q54hqw09nvusujg8mewfv36us6mykqhfnkvc8ae"


@pytest.mark.parametrize(
    ("body", "checksum"),
    [
        ("raw(deadbeef)", "89f8spxm"),  # BIP-380
        (f"addr({ADDRESS})", "dczyaydz"),  # litecoind 0.21
        # A descriptor of Bitcoin Core's documentation.
        (f"wpkh([d34db33f/84h/0h/0h]{CORE_XPUB}/0/*)", "cjjspncu"),
    ],
)  # fmt: skip
def test_checksums_are_those_of_the_standard(body: str, checksum: str) -> None:
    assert checksum_of(body) == checksum


@given(st.data())
def test_a_mistyped_character_never_matches_the_checksum(data: st.DataObject) -> None:
    body = f"wpkh([d34db33f/84h]{TPUB}/0/*)"
    place = data.draw(st.integers(0, len(body) - 1))
    typed = data.draw(
        st.sampled_from("0123456789abcdefghijkmnopqrstuvwxyzABCDEFGH()[]/*").filter(lambda c: c != body[place])
    )
    changed = body[:place] + typed + body[place + 1 :]
    assert checksum_of(changed) != checksum_of(body)


@pytest.mark.parametrize(
    ("body", "is_ranged", "keys"),
    [
        (f"pkh({KEY})", False, (KEY,)),
        (f"pkh({LONG_KEY})", False, (KEY,)),
        (f"wpkh({KEY.upper()})", False, (KEY,)),
        (f"sh(wpkh({KEY}))", False, (KEY,)),
        (f"wsh(multi(2,{KEY},{OTHER}))", False, (KEY, OTHER)),
        (f"wsh(sortedmulti(1,{TPUB}/0/*,{OTHER}))", True, (OTHER,)),
        (f"sh(wsh(multi(1,{KEY},{KEY})))", False, (KEY,)),
        (f"sh(multi(1,{LONG_KEY}))", False, (KEY,)),
        (f"wpkh([d34db33f/84h/1h/0h]{TPUB}/0/*)", True, ()),
        (f"pkh({TPUB}/7)", False, ()),
        (f"tr({KEY[2:]})", False, (f"02{KEY[2:]}", f"03{KEY[2:]}")),
        (f"addr({ADDRESS})", False, ()),
    ],
)
def test_what_can_be_watched_is_read_with_and_without_its_checksum(
    body: str, is_ranged: bool, keys: tuple[str, ...]
) -> None:
    read = parse_descriptor(body, NETWORK)
    assert read == parse_descriptor(f"  {summed(body)}\n", NETWORK)
    assert (read.text, read.is_ranged, read.public_keys) == (summed(body), is_ranged, keys)


def test_both_spellings_of_hardened_steps_are_one_descriptor() -> None:
    quoted = f"wpkh([d34db33f/84'/1'/0']{TPUB}/0/*)"
    assert parse_descriptor(summed(quoted), NETWORK).text == summed(quoted.replace("'", "h"))


@pytest.mark.parametrize(
    "text",
    [
        f"wpkh({extended('a', version=TPRV_VERSION)}/0/*)",
        f"wpkh([d34db33f/84h]{extended('a', version=TPRV_VERSION)}/0/*)",
        f"wpkh({extended('a', version=TPRV_VERSION)[:-1]}x/0/*)",  # mistyped
        f"wpkh({extended('a', version=TPRV_VERSION)[:40]})",  # cut short
        extended("a", version=TPRV_VERSION),  # alone
        f"wpkh({wif('a')})",
        f"wpkh({wif('a')}",  # not even a descriptor
        wif("a", 0xB0),
        f"wsh(multi(1,{KEY},{wif('b')}))",
        f"wpkh({KEY})#{wif('a')}",
        f"pkh({'ab' * 32})",
        f"wsh(multi(1,{KEY},{'ab' * 32}))",
    ],
)
def test_private_keys_are_refused_by_name_and_not_repeated(text: str) -> None:
    for typed in (text, summed(text) if "#" not in text else text):
        with pytest.raises(PrivateDescriptor) as refused:
            parse_descriptor(typed, NETWORK)
        said = f"{refused.value} {refused.value.fields}"
        assert not any(piece in said for piece in (text, text[5:30]))


@given(st.binary(min_size=33, max_size=33).map(lambda raw: raw.hex()))
def test_public_keys_are_not_taken_for_private_ones(key: str) -> None:
    assert not holds_private_key(f"wpkh([d34db33f/84h]{key})")
    assert not holds_private_key(extended(key))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"wpkh({KEY})#aaaaaaaa", WrongDescriptorChecksum),
        (f"wpkh({KEY})#aaaa", WrongDescriptorChecksum),
        (f"wpkh({KEY})#", WrongDescriptorChecksum),
        (f"wpkh({KEY[:-1]})", InvalidDescriptor),
        (f"wpkh({LONG_KEY})", InvalidDescriptor),
        (f"wsh(multi(1,{LONG_KEY}))", InvalidDescriptor),
        (f"wpkh({KEY}/0)", InvalidDescriptor),
        (f"wpkh({TPUB[:-1]}1/0/*)", InvalidDescriptor),
        (f"wpkh({extended('a', version=XPUB_VERSION)}/0/*)", InvalidDescriptor),
        (f"wpkh({TPUB}/0h/*)", InvalidDescriptor),
        (f"wpkh({TPUB}/0/*h)", InvalidDescriptor),
        (f"wpkh({TPUB}/*/0)", InvalidDescriptor),
        (f"wpkh({TPUB}/2147483648)", InvalidDescriptor),
        (f"wpkh([d34db33]{TPUB})", InvalidDescriptor),
        (f"wsh(multi(3,{KEY},{OTHER}))", InvalidDescriptor),
        (f"wsh(multi(0,{KEY}))", InvalidDescriptor),
        (f"wsh(multi({','.join(['1', *[KEY] * 21])}))", InvalidDescriptor),
        ("addr(rltc1q54hqw09nvusujg8mewfv36us6mykqhfnkvc8aa)", InvalidDescriptor),
        ("addr(bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4)", InvalidDescriptor),
        (f"zpkh({KEY})", InvalidDescriptor),
        (f"wpkh({KEY})wpkh({KEY})", InvalidDescriptor),
        (KEY, InvalidDescriptor),
        ("", InvalidDescriptor),
        ("wpkh(é)", InvalidDescriptor),
        (f"addr({'1' * 5000})", InvalidDescriptor),
        (None, InvalidDescriptor),
        (7, InvalidDescriptor),
        (f"wpkh({extended('a', version=ZPUB_VERSION)}/0/*)", UnsupportedDescriptor),
        (f"wpkh({TPUB}/<0;1>/*)", UnsupportedDescriptor),
        (f"combo({KEY})", UnsupportedDescriptor),
        (f"multi(1,{KEY})", UnsupportedDescriptor),
        (f"pk({KEY})", UnsupportedDescriptor),
        (f"sh(addr({ADDRESS}))", UnsupportedDescriptor),
        (f"wsh(wpkh({KEY}))", UnsupportedDescriptor),
        (f"sh(sh(pkh({KEY})))", UnsupportedDescriptor),
        (f"tr({KEY[2:]},pk({KEY[2:]}))", UnsupportedDescriptor),
        ("raw(deadbeef)", UnsupportedDescriptor),
    ],
)  # fmt: skip
def test_what_cannot_be_watched_is_refused_by_name(text: object, kind: type[StrongroomError]) -> None:
    with pytest.raises(kind) as refused:
        parse_descriptor(text, NETWORK)
    assert type(refused.value) is kind
    assert list(refused.value.fields) == ["descriptor"]


def test_the_network_decides_which_keys_are_its_own() -> None:
    assert parse_descriptor(f"wpkh({extended('a', version=XPUB_VERSION)}/0/*)", BITCOIN).is_ranged
    with pytest.raises(InvalidDescriptor, match="another network"):
        parse_descriptor(f"wpkh({TPUB}/0/*)", BITCOIN)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, (0, 999)), (0, (0, 0)), (20, (0, 20)), ([5, 9], (5, 9)), ([0, 9_999], (0, 9_999))]
)
def test_ranges_are_read_as_nodes_read_them(value: object, expected: tuple[int, int]) -> None:
    assert parse_range(value, parse_descriptor(f"pkh({TPUB}/*)", NETWORK)) == expected


@pytest.mark.parametrize(
    "value", [-1, [3, 2], [0, 10_000], [0, 1 << 31], [1], [1, 2, 3], "7", 1.5, True, [False, True], {"a": 1}]
)
def test_other_ranges_are_refused(value: object) -> None:
    with pytest.raises(InvalidRange):
        parse_range(value, parse_descriptor(f"pkh({TPUB}/*)", NETWORK))


def test_only_a_ranged_descriptor_has_a_range() -> None:
    single = parse_descriptor(f"pkh({KEY})", NETWORK)
    assert parse_range(None, single) is None
    with pytest.raises(InvalidRange):
        parse_range(5, single)


@given(st.text(alphabet="()[]{},/*<>#hwpksmultiaddr0123456789abcdefxyz'tpub", max_size=80))
def test_no_text_is_answered_with_anything_but_a_refusal(text: str) -> None:
    try:
        read = parse_descriptor(text, NETWORK)
    except StrongroomError:
        return
    assert parse_descriptor(read.text, NETWORK) == read
