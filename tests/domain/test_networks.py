"""The rows of the Bitcoin family are consistent with each other and with the chains themselves."""

import hashlib
import struct

import pytest

from domain.networks import NETWORKS, Network

# What Bitcoin's genesis headers commit to: merkle root, time, target in compact form, nonce.
CLASSIC_ROOT = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
GENESIS_HEADERS = {
    "bitcoin": (CLASSIC_ROOT, 1231006505, 0x1D00FFFF, 2083236893),
    "bitcoin-testnet4": (
        "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e",
        1714777860,
        0x1D00FFFF,
        393743547,
    ),
    "bitcoin-signet": (CLASSIC_ROOT, 1598918400, 0x1E0377AE, 52613770),
    "bitcoin-regtest": (CLASSIC_ROOT, 1296688602, 0x207FFFFF, 2),
}
ROWS = pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda row: row.chain)


@pytest.mark.parametrize("chain", GENESIS_HEADERS)
def test_a_genesis_hash_is_the_hash_of_the_genesis_header(chain: str) -> None:
    root, time, bits, nonce = GENESIS_HEADERS[chain]
    header = struct.pack("<I32s32sIII", 1, bytes(32), bytes.fromhex(root)[::-1], time, bits, nonce)
    digest = hashlib.sha256(hashlib.sha256(header).digest()).digest()
    assert digest[::-1].hex() == NETWORKS[chain].genesis_hash


def test_every_network_is_its_own_chain_asset_and_genesis() -> None:
    rows = list(NETWORKS.values())
    for column in ("chain", "asset_id", "genesis_hash", "rpc_port", "name"):
        assert len({getattr(row, column) for row in rows}) == len(rows), column


@ROWS
def test_test_money_is_named_as_test_money(network: Network) -> None:
    assert network.is_test == (network.symbol not in {"BTC", "LTC"})
    assert network.is_test == ("(" in network.name)


@ROWS
def test_fees_are_never_guessed_where_they_are_real(network: Network) -> None:
    assert (network.fallback_fee_rate_minor_per_kvb is not None) == network.is_test


@ROWS
def test_tiers_ask_for_more_as_amounts_grow_and_end_with_any_amount(network: Network) -> None:
    bounds = [tier.below_amount_minor for tier in network.confirmation_tiers]
    numbers = [tier.confirmations for tier in network.confirmation_tiers]
    finite = [bound for bound in bounds[:-1] if bound is not None]
    assert bounds[-1] is None
    assert finite == sorted(finite)
    assert len(finite) == len(bounds) - 1
    assert numbers == sorted(numbers)
    assert numbers[0] >= 1


@ROWS
def test_default_policies_are_in_order(network: Network) -> None:
    policy = network.policy
    assert network.dust_limit_minor < policy.withdrawal_min_minor <= policy.auto_approve_max_minor
    assert policy.auto_approve_max_minor < policy.two_approvers_from_minor <= policy.user_daily_max_minor
    assert policy.user_daily_max_minor <= policy.system_daily_max_minor
    assert network.fee_rate_min_minor_per_kvb < network.fee_rate_max_minor_per_kvb
