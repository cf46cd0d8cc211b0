"""What each chain's reader understands of its providers' answers, down to the decision."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from adapters.verification.aptos import read_aptos
from adapters.verification.evm import read_evm
from adapters.verification.provider import Provider
from adapters.verification.reader import FailOverReader, Read
from adapters.verification.tron import read_tron
from domain.aptos import long_form, primary_store
from domain.chain_facts import COINBASE_MATURITY
from domain.claim_reading import ClaimQuestion, Reading
from domain.evm.networks import EVM_NETWORKS
from domain.rail_rows import ConfirmationTier
from domain.rails import RAILS
from domain.tron import spell_tron_address
from domain.verification import Claim, ClaimRule, decide
from tests.fakes.chains import Aptos, Evm, Tron
from tests.fakes.provider import FakeProvider
from tests.rail import Rail
from wiring.verification import build_verifiers

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Serving = Callable[[FakeProvider], FakeProvider]
BSC_USDT = "0x55d398326f99059ff775485246999027b3197955"
EVM_HOUSE = "0x7fF8c2F4510EdC4CcB74481588dca909730AEdF5"
TRON_HOUSE = "TDt9YtfuttvxD2Jv8F8v4JEDbnBBb1jVNt"
TRON_USDT = RAILS["tron"].assets[1].contracts[0]
APTOS_HOUSE = long_form("0xa11ce")
APTOS_USDT = RAILS["aptos"].assets[1].contracts[0]


def look(chain: str, read: Read, provider: FakeProvider, tx_hash: str, contracts: Mapping[str, str]) -> Reading:
    """Ask, and have the answers understood once more from evidence: it must come to the same."""
    reader = FailOverReader(RAILS[chain], read, [Provider(provider.url, timeout_s=5)])
    question = ClaimQuestion(tx_hash, contracts)
    reading = reader.read(question)
    reader.close()
    again = reader.reread(question, reading.exchanges)
    assert (again.facts, again.doubt) == (reading.facts, reading.doubt)
    return reading


def told(reading: Reading, *, to: str, contract: str, amount: int | None, confirmations: int = 3) -> tuple[str, str]:
    """State and reason."""
    rule = ClaimRule(1, timedelta(minutes=20), [ConfirmationTier(None, confirmations)])
    decision = decide(Claim(contract, to, amount, NOW), rule, reading.facts, doubt=reading.doubt)
    return decision.state, decision.reason


# --------------------------------------------------------------------------------------------------------- EVM


@pytest.mark.parametrize("symbol", ["USDT", "BSC-USD", "USD"])
def test_on_bsc_the_contract_decides_whatever_an_explorer_calls_the_token(serving: Serving, symbol: str) -> None:
    chain = Evm(56)
    real = chain.pay(1, to=EVM_HOUSE.lower(), contract=BSC_USDT, amount=5, at=NOW, symbol=symbol)
    fake = chain.pay(2, to=EVM_HOUSE.lower(), contract="0x" + "66" * 20, amount=5, at=NOW, symbol=symbol)
    provider = serving(chain.serve())
    known = {"": "", BSC_USDT: BSC_USDT}
    read = partial(read_evm, EVM_NETWORKS["bsc"])
    claim: dict[str, Any] = {"to": EVM_HOUSE, "contract": BSC_USDT, "amount": 5}
    assert told(look("bsc", read, provider, real, known), **claim) == ("verified", "")
    assert told(look("bsc", read, provider, fake, known), **claim) == ("rejected", "wrong_token")


def test_an_evm_receipt_is_believed_once_final_and_on_the_chain(serving: Serving) -> None:
    chain = Evm(56, final=99)
    paid = chain.pay(1, to=EVM_HOUSE, contract=BSC_USDT, amount=5, at=NOW)
    failed = chain.pay(2, to=EVM_HOUSE, contract=BSC_USDT, amount=5, at=NOW, fails=True)
    provider = serving(chain.serve())
    read = partial(read_evm, EVM_NETWORKS["bsc"])
    claim: dict[str, Any] = {"to": EVM_HOUSE, "contract": BSC_USDT, "amount": 5}

    def now(tx_hash: str) -> tuple[str, str]:
        return told(look("bsc", read, provider, tx_hash, {BSC_USDT: BSC_USDT}), **claim)

    assert now(paid) == now(failed) == ("uncertain", "confirming")
    chain.final = 100
    assert (now(paid), now(failed)) == (("verified", ""), ("rejected", "failed_on_chain"))
    assert now("0x" + "99" * 32) == ("uncertain", "not_found")
    chain.receipts[paid]["blockHash"] = "0x" + "77" * 32
    assert now(paid) == ("uncertain", "provider_failed")
    chain.chain_id = 1
    assert now(failed) == ("uncertain", "provider_failed")


@pytest.mark.parametrize("chain", ["bsc", "tron", "aptos"])
def test_each_reader_says_from_whom_a_transfer_came(serving: Serving, chain: str) -> None:
    evm, tron, aptos = Evm(56), Tron(), Aptos()
    made: dict[str, Callable[[], tuple[str, FakeProvider, Read, str]]] = {
        "bsc": lambda: (
            evm.pay(1, to=EVM_HOUSE, contract=BSC_USDT, amount=5, at=NOW),
            evm.serve(),
            partial(read_evm, EVM_NETWORKS["bsc"]),
            "0x" + "11" * 20,
        ),
        "tron": lambda: (
            tron.pay(1, to=TRON_HOUSE, contract=TRON_USDT, amount=5, at=NOW),
            tron.serve(),
            read_tron,
            spell_tron_address(b"\x11" * 20),
        ),
        "aptos": lambda: (
            aptos.pay_asset(1, owner=APTOS_HOUSE, metadata=APTOS_USDT, amount=5, at=NOW),
            aptos.serve(),
            read_aptos,
            long_form("0x5e4de6"),
        ),
    }
    paid, provider, read, sender = made[chain]()
    facts = look(chain, read, serving(provider), paid, {BSC_USDT: BSC_USDT}).facts
    assert facts is not None
    assert [one.sender.lower() for one in facts.transfers] == [sender.lower()]
    [found] = facts.transfers
    claim = Claim(found.contract, found.recipient, 5, NOW)
    rule = ClaimRule(0, timedelta(minutes=20), [ConfirmationTier(None, 1)])
    assert decide(claim, rule, facts, own={found.sender}).reason == "moved_by_the_house"
    assert decide(claim, rule, facts, own={found.recipient}).state == "verified"


# -------------------------------------------------------------------------------------------------------- Tron


def test_on_tron_the_events_of_a_solidified_block_decide(serving: Serving) -> None:
    chain = Tron(is_solid=False)
    paid = chain.pay(1, to=TRON_HOUSE, contract=TRON_USDT, amount=5, at=NOW)
    coin = chain.pay(2, to=TRON_HOUSE, contract="", amount=9, at=NOW)
    fake = chain.pay(3, to=TRON_HOUSE, contract="TEkxiTehnzSmSe2XqrBj4w32RUN966rdz8", amount=5, at=NOW)
    failed = chain.pay(4, to=TRON_HOUSE, contract=TRON_USDT, amount=5, at=NOW, fails=True)
    provider = serving(chain.serve())

    def now(tx_id: str, contract: str = TRON_USDT, amount: int = 5) -> tuple[str, str]:
        return told(look("tron", read_tron, provider, tx_id, {}), to=TRON_HOUSE, contract=contract, amount=amount)

    assert now(paid) == now(failed) == ("uncertain", "confirming")
    chain.is_solid = True
    assert now(paid) == now(coin, "", 9) == ("verified", "")
    assert now(fake) == ("rejected", "wrong_token")
    assert now(failed) == ("rejected", "failed_on_chain")
    assert now("99" * 32) == ("uncertain", "not_found")


def test_a_node_of_a_test_network_of_tron_is_not_believed(serving: Serving) -> None:
    chain = Tron(genesis="0000000000000000d698d4192c56cb6be724a558448e2684802de4d6cd8690dc")
    paid = chain.pay(1, to=TRON_HOUSE, contract="", amount=9, at=NOW)
    reading = look("tron", read_tron, serving(chain.serve()), paid, {})
    assert told(reading, to=TRON_HOUSE, contract="", amount=9) == ("uncertain", "provider_failed")


def test_a_coin_that_was_burned_on_tron_is_nobodys_payment_and_nobodys_fault(serving: Serving) -> None:
    chain = Tron()
    burned = chain.pay(1, to=TRON_HOUSE, contract="", amount=9, at=NOW)
    value = chain.transactions[burned][1]["raw_data"]["contract"][0]["parameter"]["value"]
    value["to_address"] = "41" + "00" * 20
    reading = look("tron", read_tron, serving(chain.serve()), burned, {})
    assert told(reading, to=TRON_HOUSE, contract="", amount=9) == ("rejected", "wrong_recipient")


@pytest.mark.parametrize(
    ("name", "said"),
    [("amount", "9"), ("amount", True), ("amount", 10**77), ("amount", None), ("to_address", 7), ("to_address", "T")],
)
def test_what_is_no_number_or_no_address_is_no_answer_and_stops_nothing(serving: Serving, name: str, said: Any) -> None:
    chain = Tron()
    paid = chain.pay(1, to=TRON_HOUSE, contract="", amount=9, at=NOW)
    chain.transactions[paid][1]["raw_data"]["contract"][0]["parameter"]["value"][name] = said
    reading = look("tron", read_tron, serving(chain.serve()), paid, {})
    assert told(reading, to=TRON_HOUSE, contract="", amount=None) == ("uncertain", "provider_failed")


@pytest.mark.parametrize("milliseconds", [10**19, 10**40, float("nan")])
def test_a_moment_that_is_none_is_no_answer(serving: Serving, milliseconds: float) -> None:
    chain = Tron()
    paid = chain.pay(1, to=TRON_HOUSE, contract="", amount=9, at=NOW)
    chain.transactions[paid][0]["blockTimeStamp"] = milliseconds
    reading = look("tron", read_tron, serving(chain.serve()), paid, {})
    assert (reading.facts, reading.doubt) == (None, "provider_failed")


# ------------------------------------------------------------------------------------------------------- Aptos


def test_on_aptos_the_owner_of_the_store_and_the_metadata_decide(serving: Serving) -> None:
    chain = Aptos()
    paid = chain.pay_asset(1, owner="0xa11ce", metadata=APTOS_USDT, amount=5, at=NOW)
    stolen = chain.pay_asset(2, owner="0xbad", metadata=APTOS_USDT, amount=5, at=NOW)
    fake = chain.pay_asset(3, owner=APTOS_HOUSE, metadata="0xfa4e", amount=5, at=NOW)
    failed = chain.pay_asset(4, owner=APTOS_HOUSE, metadata=APTOS_USDT, amount=5, at=NOW, fails=True)
    provider = serving(chain.serve())

    def now(tx_hash: str) -> tuple[str, str]:
        reading = look("aptos", read_aptos, provider, tx_hash, {})
        return told(reading, to=APTOS_HOUSE, contract=APTOS_USDT, amount=5)

    assert now(paid) == ("verified", "")
    assert now(stolen) == ("rejected", "wrong_recipient")
    assert now(fake) == ("rejected", "wrong_token")
    assert now(failed) == ("rejected", "failed_on_chain")
    assert now("0x" + "99" * 32) == ("uncertain", "not_found")


def test_a_store_that_somebody_made_on_aptos_is_not_its_owners(serving: Serving) -> None:
    """Its maker may have kept the right to take it back, as soon as the payment was credited."""
    chain = Aptos()
    paid = chain.pay_asset(1, owner=APTOS_HOUSE, metadata=APTOS_USDT, amount=5, at=NOW, made="0x57012e")
    reading = look("aptos", read_aptos, serving(chain.serve()), paid, {})
    assert told(reading, to=APTOS_HOUSE, contract=APTOS_USDT, amount=5) == ("rejected", "wrong_recipient")


def test_a_primary_store_is_where_the_framework_derives_it() -> None:
    """The example in the tests of Aptos' own TypeScript SDK."""
    owner = "0x653a60dab27fe8f3859414973d218e1b7551c778a8650a7055a85c0f8041b2a4"
    assert (
        primary_store(owner, long_form("0xa")) == "0xefaed62f184a6578d84f409082ec530996732a3e4ccdec1cb7b36e7968dbe450"
    )


@pytest.mark.parametrize("twice", [False, True])
def test_a_deposit_on_aptos_counts_once_however_many_events_report_it(serving: Serving, twice: bool) -> None:
    chain = Aptos()
    coin = "0x1::aptos_coin::AptosCoin"
    paid = chain.pay_coin(1, owner=APTOS_HOUSE, coin=coin, amount=5, at=NOW, twice=twice)
    as_asset = chain.pay_asset(2, owner=APTOS_HOUSE, metadata="0xa", amount=5, at=NOW)
    provider = serving(chain.serve())
    for tx_hash in (paid, as_asset):
        reading = look("aptos", read_aptos, provider, tx_hash, {})
        assert reading.facts is not None
        assert [one[1:] for one in reading.facts.transfers] == [("", APTOS_HOUSE, 5, long_form("0x5e4de6"))]


# ----------------------------------------------------------------------------------------------------- Bitcoin


def test_a_node_of_the_bitcoin_family_shows_what_its_wallet_was_paid(rail: Rail) -> None:
    """A real node without an index, reached as the settings say."""
    chain = rail.chain.network.chain
    reader = build_verifiers((), rail.container.settings.chains)[chain]
    address = rail.chain.new_addresses(1)[0].address
    paid = rail.send_to(address, 50_000_000)
    question = ClaimQuestion(paid, {"": ""})

    def now(amount: int = 50_000_000) -> tuple[str, str]:
        reading = reader.read(question)
        again = reader.reread(question, reading.exchanges)
        assert (again.facts, again.doubt) == (reading.facts, reading.doubt)
        rule = ClaimRule(0, timedelta(days=1), [ConfirmationTier(None, 2)])
        claim = Claim("", address, amount, datetime.now(UTC))
        decision = decide(claim, rule, reading.facts, doubt=reading.doubt)
        return decision.state, decision.reason

    assert now() == ("uncertain", "confirming")
    assert now(1) == ("rejected", "amount_mismatch")
    rail.mine(2)
    assert now() == ("verified", "")
    unknown = reader.read(ClaimQuestion("99" * 32, {"": ""}))
    assert (unknown.facts, unknown.doubt) == (None, "not_found")
    assert isinstance(reader, FailOverReader)
    reader.close()


def test_what_a_block_created_is_no_payment_before_it_can_be_spent(rail: Rail) -> None:
    """As with deposits: it cannot be paid out, and vanishes with its block."""
    reader = build_verifiers((), rail.container.settings.chains)[rail.chain.network.chain]
    address = rail.chain.new_addresses(1)[0].address
    [mined] = rail.node.call("generatetoaddress", 1, address)
    created, *_ = rail.node.call("getblock", mined)["tx"]

    def seen() -> int:
        facts = reader.read(ClaimQuestion(created, {"": ""})).facts
        assert facts is not None
        assert facts.block_height is not None
        return facts.confirmations

    rail.mine(2)
    assert seen() == 0
    rail.mine(97)
    assert seen() == COINBASE_MATURITY
    assert isinstance(reader, FailOverReader)
    reader.close()
