"""What pages say about money: what happened, what it means, what comes next."""

import pytest

from api.pages import sentences
from api.pages.meanings import MEANINGS
from domain.flows import FLOW_KINDS
from domain.node_refusals import ChainError


def test_a_seen_deposit_says_what_it_waits_for_and_how_long() -> None:
    said = sentences.deposit("seen", 0, 3, "bitcoin")
    assert said == "Seen on the network. 0 of 3 confirmations. Yours in about 30 minutes."


def test_a_confirming_deposit_counts() -> None:
    said = sentences.deposit("confirming", 1, 3, "bitcoin")
    assert said == "In a block. 1 of 3 confirmations. Yours in about 20 minutes."


def test_a_private_chain_has_no_clock() -> None:
    assert sentences.deposit("seen", 0, 1, "litecoin-regtest").endswith(
        "0 of 1 confirmation. Yours after the next block."
    )
    assert sentences.deposit("seen", 0, 3, "litecoin-regtest").endswith("Yours after 3 more blocks.")


def test_an_approved_withdrawal_says_why_it_waits() -> None:
    said = sentences.withdrawal("approved", "insufficient_hot_funds")
    assert "The hot wallet holds too little" in said
    assert sentences.withdrawal("completed", "insufficient_hot_funds") == "Sent and final."


def all_kinds(base: type[ChainError]) -> list[type[ChainError]]:
    return [kind for sub in base.__subclasses__() for kind in (sub, *all_kinds(sub))]


@pytest.mark.parametrize("kind", all_kinds(ChainError))
def test_every_failure_of_a_node_reads_as_a_sentence(kind: type[ChainError]) -> None:
    said = sentences.waiting(kind.code)
    assert said[0].isupper()
    assert said.endswith((".", "can."))
    assert "_" not in said


@pytest.mark.parametrize(
    ("kind", "state"), [(kind.name, state) for kind in FLOW_KINDS.values() for state in kind.states]
)
def test_every_state_has_a_meaning_with_a_word_and_an_icon(kind: str, state: str) -> None:
    meaning = MEANINGS[sentences.meaning(kind, state)]
    assert meaning.word
    assert meaning.path


def test_money_that_is_not_credited_never_means_yours() -> None:
    for state in FLOW_KINDS["deposit"].states:
        assert (sentences.meaning("deposit", state) == "yours") == (state == "credited")


def test_confirmation_tiers_read_as_one_line() -> None:
    tiers = [[100_000_000, 1], [10_000_000_000, 3], [None, 6]]
    assert sentences.tiers(tiers, 8, "LTC") == "1 confirmation below 1\u2009LTC, 3 below 100\u2009LTC, otherwise 6"
    assert sentences.tiers([[None, 6]], 8, "LTC") == "6 confirmations"
