"""What a real node says about descriptors, and one scan of its unspent outputs at a time."""

import threading

import pytest

from adapters.bitcoin import descriptors as adapter
from adapters.bitcoin.chain import BitcoinChain
from domain.descriptors import Descriptor, parse_descriptor
from domain.node_refusals import ChainError, DescriptorRefused, NodeRefused, ScanAborted
from domain.scanning import ScanObject
from tests.rail import Rail
from tests.wallet_tools.keys import child_key, extended, public_hex, summed


def chain_of(rail: Rail) -> BitcoinChain:
    chain = rail.chain
    assert isinstance(chain, BitcoinChain)
    return chain


@pytest.mark.parametrize(
    "body",
    [
        f"pkh({public_hex('a')})",
        f"wpkh({public_hex('a')})",
        f"sh(wpkh({public_hex('a')}))",
        f"wsh(multi(2,{public_hex('a')},{public_hex('b')}))",
        f"wsh(sortedmulti(1,{extended('a')}/0/*,{public_hex('b')}))",
        f"sh(wsh(multi(1,{public_hex('a')})))",
        f"wpkh([d34db33f/84h/1h/0h]{extended('a')}/0/*)",
        "addr(rltc1q54hqw09nvusujg8mewfv36us6mykqhfnkvc8ae)",
    ],
)
def test_the_node_agrees_with_our_reading(rail: Rail, body: str) -> None:
    read = parse_descriptor(body, rail.chain.network)
    rail.chain.check(read)
    assert rail.chain.derive(read, (3, 4) if read.is_ranged else None)


def test_a_key_that_is_no_point_is_refused_with_the_nodes_words(rail: Rail) -> None:
    body = f"wpkh(02{'00' * 32})"
    with pytest.raises(DescriptorRefused, match="is invalid"):
        rail.chain.check(Descriptor(summed(body), is_ranged=False, public_keys=()))


def test_ranges_are_derived_in_order_and_in_parts(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    read = parse_descriptor(f"wpkh({extended('a')}/*)", rail.chain.network)
    whole = rail.chain.derive(read, (2, 12))
    monkeypatch.setattr(adapter, "ADDRESSES_PER_CALL", 4)
    assert rail.chain.derive(read, (2, 12)) == whole
    second = parse_descriptor(f"wpkh({child_key('a', 3).public_key.format().hex()})", rail.chain.network)
    assert rail.chain.derive(second, None) == [whole[1]]


def test_a_scan_finds_what_lies_on_the_descriptors_and_nothing_else(rail: Rail) -> None:
    read = parse_descriptor(f"wpkh({extended('scan')}/*)", rail.chain.network)
    paid, unpaid, beyond = (rail.chain.derive(read, (index, index))[0] for index in (7, 8, 11))
    rail.send_to(paid, 150_000_000)
    rail.send_to(beyond, 25_000_000)
    rail.mine()
    heard: list[int] = []
    found = rail.chain.scan([ScanObject(read.text, (0, 10))], report=heard.append)
    assert [output.amount_minor for output in found.outputs] == [150_000_000]
    assert found.height == rail.chain.tip().height
    assert found.hash == rail.chain.tip().hash
    assert heard[0] == 0
    assert unpaid != paid


def test_a_scan_that_is_not_wanted_any_more_is_ended(rail: Rail) -> None:
    class Gone(Exception):
        pass

    def report(_: int) -> None:
        raise Gone

    read = parse_descriptor(f"wpkh({public_hex('a')})", rail.chain.network)
    with pytest.raises(Gone):
        rail.chain.scan([ScanObject(read.text, None)], report=report)
    assert rail.chain.abort_scan() is False


def test_two_scans_at_once_are_one_scan_and_one_refusal_by_name(rail: Rail) -> None:
    """The node takes one; whichever comes second hears so, unless the first was done already."""
    chain = chain_of(rail)
    read = parse_descriptor(f"wpkh({extended('many')}/*)", chain.network)
    outcomes: list[str] = []

    def scan() -> None:
        try:
            chain.scan([ScanObject(read.text, (0, 9_999))], report=lambda _: None)
            outcomes.append("done")
        except ChainError as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=scan) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "done" in outcomes
    assert set(outcomes) <= {"done", "scan_in_progress"}


def test_a_scan_beyond_all_patience_is_ended(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "SCAN_S_MAX", -1.0)
    monkeypatch.setattr(adapter, "_LOOK_EVERY_S", 0.0)
    read = parse_descriptor(f"wpkh({extended('many')}/*)", rail.chain.network)
    with pytest.raises(ScanAborted):
        rail.chain.scan([ScanObject(read.text, (0, 9_999))], report=lambda _: None)


def test_a_node_that_is_down_says_so(own_rail: Rail) -> None:
    # Or the node would wait five seconds for the connection that we keep.
    chain_of(own_rail).close()
    own_rail.node.stop()
    read = parse_descriptor(f"wpkh({public_hex('a')})", own_rail.chain.network)
    with pytest.raises(NodeRefused):
        own_rail.chain.check(read)
    with pytest.raises(NodeRefused):
        own_rail.chain.scan([ScanObject(read.text, None)], report=lambda _: None)
