"""The decision about a claimed payment: total, and never kinder than any of its rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork
from domain.aptos import parse_aptos_address
from domain.claim_rails import CLAIM_RAILS
from domain.rail_rows import ConfirmationTier
from domain.rails import RAILS
from domain.solana import parse_solana_address
from domain.tron import parse_tron_address
from domain.verification import (
    REASONS,
    Claim,
    ClaimedTransfer,
    ClaimFacts,
    ClaimRule,
    InvalidTransactionHash,
    decide,
    parse_transaction_hash,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGE = timedelta(minutes=20)
TRANSFERS = st.builds(
    ClaimedTransfer,
    place=st.integers(-1, 3),
    contract=st.sampled_from(["token", "fake"]),
    recipient=st.sampled_from(["house", "thief"]),
    amount_minor=st.integers(1, 12),
)
FACTS = st.builds(
    ClaimFacts,
    succeeded=st.booleans(),
    block_height=st.none() | st.just(7),
    block_hash=st.just(""),
    block_time=st.none() | st.sampled_from([NOW, NOW - AGE, NOW - AGE - timedelta(seconds=1)]),
    confirmations=st.integers(0, 4),
    is_final=st.none() | st.booleans(),
    transfers=st.lists(TRANSFERS, max_size=3, unique_by=lambda one: one.place).map(tuple),
    is_immutable=st.booleans(),
)
RULES = st.builds(
    ClaimRule,
    tolerance_minor=st.integers(0, 3),
    age_max=st.just(AGE),
    tiers=st.just([ConfirmationTier(5, 1), ConfirmationTier(None, 3)]),
    minimum_minor=st.integers(1, 4),
)
CLAIMS = st.builds(
    Claim,
    contract=st.just("token"),
    recipient=st.just("house"),
    amount_minor=st.none() | st.integers(1, 12),
    claimed_at=st.just(NOW),
)


@given(CLAIMS, RULES, st.none() | FACTS, st.sets(st.integers(-1, 3)))
def test_nothing_is_verified_that_breaks_a_rule_and_everything_gets_an_answer(
    claim: Claim, rule: ClaimRule, facts: ClaimFacts | None, used: set[int]
) -> None:
    decision = decide(claim, rule, facts, used=used)
    assert (decision.transfer is not None) == (decision.state == "verified")
    if decision.transfer is None:
        assert decision.reason in REASONS
        return
    found = decision.transfer
    assert facts is not None
    assert facts.succeeded
    assert found in facts.transfers
    assert found.place not in used
    assert (found.contract, found.recipient) == (claim.contract, claim.recipient)
    assert claim.amount_minor is None or abs(found.amount_minor - claim.amount_minor) <= rule.tolerance_minor
    assert found.amount_minor >= rule.minimum_minor
    assert facts.block_time is not None
    assert claim.claimed_at - facts.block_time <= rule.age_max
    assert facts.block_height is not None
    paid = sum(one.amount_minor for one in facts.transfers if (one.contract, one.recipient) == found[1:3])
    assert facts.is_final or (facts.is_final is None and facts.confirmations >= (1 if paid < 5 else 3))


@pytest.mark.parametrize(("confirmations", "state"), [(2, "uncertain"), (3, "verified")])
def test_an_amount_that_is_split_over_transfers_has_to_be_as_deep_as_the_whole(confirmations: int, state: str) -> None:
    halves = tuple(ClaimedTransfer(place, "token", "house", 3) for place in range(2))
    facts = ClaimFacts(
        succeeded=True, block_height=7, block_hash="", block_time=NOW, confirmations=confirmations, is_final=None,
        transfers=halves,
    )  # fmt: skip
    rule = ClaimRule(tolerance_minor=0, age_max=AGE, tiers=[ConfirmationTier(5, 1), ConfirmationTier(None, 3)])
    assert decide(Claim("token", "house", 3, NOW), rule, facts, used={0}).state == state


@given(CLAIMS, RULES, st.sampled_from(["", "not_found", "provider_failed", "providers_disagree"]))
def test_what_nobody_could_tell_is_uncertain_and_never_rejected(claim: Claim, rule: ClaimRule, doubt: str) -> None:
    assert decide(claim, rule, None, doubt=doubt).state == "uncertain"


@given(CLAIMS, RULES, FACTS)
def test_what_may_still_change_is_not_rejected(claim: Claim, rule: ClaimRule, facts: ClaimFacts) -> None:
    if decide(claim, rule, facts).state == "rejected" and not facts.is_immutable:
        assert facts.block_height is not None
        assert facts.is_final is not False


@pytest.mark.parametrize("row", [asset for rail in CLAIM_RAILS.values() for asset in rail.assets if asset.contracts])
def test_every_contract_that_ships_is_spelled_canonically(row: object) -> None:
    contract, chain = row.contracts[0], row.chain  # type: ignore[attr-defined]
    assert RAILS[chain].parse_destination(contract).text == contract


def test_tron_addresses_are_one_in_either_spelling_and_evm_ones_are_refused() -> None:
    spelled = parse_tron_address("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t")
    assert spelled == parse_tron_address("41a614f803b6fd780986a42c78ec9c7f77e6ded13c")
    for wrong, kind in (
        ("tr7nhqjekqxgtci8q8zy4pl8otszgjlj6t", InvalidAddress),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T", InvalidAddress),
        ("0xa614f803b6fd780986a42c78ec9c7f77e6ded13c", WrongNetwork),
        ("41" + "00" * 20, UnsupportedAddress),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", InvalidAddress),
    ):
        with pytest.raises(kind):
            parse_tron_address(wrong)


def test_aptos_addresses_are_one_in_long_and_short_form() -> None:
    assert parse_aptos_address("0x0A").text == "0x" + "0" * 63 + "a" == parse_aptos_address("0" * 63 + "A").text
    for wrong in ("a", "0x", "0x" + "1" * 65, "0xg", 10):
        with pytest.raises(InvalidAddress):
            parse_aptos_address(wrong)
    with pytest.raises(UnsupportedAddress):
        parse_aptos_address("0x0")


def test_solana_addresses_keep_their_case_and_have_32_bytes() -> None:
    text = "Gejh1bYCihLLk1BUwhnWKZEyurT7b8azBFXf44yy7MkB"
    assert parse_solana_address(text).text == text
    assert parse_solana_address("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v").text != text.lower()
    for wrong in (text[:-2], text + "1", "0" + text[1:], None):
        with pytest.raises(InvalidAddress):
            parse_solana_address(wrong)
    with pytest.raises(UnsupportedAddress):
        parse_solana_address("1" * 32)


@pytest.mark.parametrize(
    ("chain", "good", "spelled"),
    [
        ("bsc", "AB" * 32, "0x" + "ab" * 32),
        ("tron", "0x" + "AB" * 32, "ab" * 32),
        ("aptos", "0x" + "ab" * 32, "0x" + "ab" * 32),
        ("bitcoin", "AB" * 32, "ab" * 32),
    ],
)
def test_hashes_have_one_spelling_and_nothing_else_passes(chain: str, good: str, spelled: str) -> None:
    assert parse_transaction_hash(good, RAILS[chain]) == spelled
    for wrong in (good[:-1], good + "0", good[:-1] + "g", "", None, " " + good):
        with pytest.raises(InvalidTransactionHash):
            parse_transaction_hash(wrong, RAILS[chain])
    with pytest.raises(InvalidTransactionHash):
        parse_transaction_hash(good, RAILS["solana"])
