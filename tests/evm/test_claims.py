"""Claimed payments on a real chain of accounts: tokens of every character, and the coin."""

from datetime import UTC, datetime, timedelta

from adapters.verification.reader import FailOverReader
from domain.claim_reading import ClaimQuestion
from domain.evm.networks import WEI
from domain.rail_rows import ConfirmationTier
from domain.verification import Claim, ClaimRule, decide
from tests.contracts import Contract
from tests.evm.world import STRANGER, World
from wiring.chain_settings import ChainSettings
from wiring.embedded.anvil import AnvilServer
from wiring.secret import Secret
from wiring.verification import build_verifiers


def test_what_a_real_node_shows_decides_by_contract_and_depth(world: World) -> None:
    settings = ChainSettings(chain="anvil", rpc_url=Secret(world.anvil.rpc_url))
    reader = build_verifiers((), (settings,))["anvil"]
    token, fake = world.token(), world.token()
    [house, other] = [new.address for new in world.chain.new_addresses(2)]
    rule = ClaimRule(0, timedelta(days=1), [ConfirmationTier(None, 2)])
    known = {"": "", token.address.lower(): token.address.lower()}

    def told(tx_hash: str, amount_minor: int, contract: str = token.address) -> tuple[str, str]:
        reading = reader.read(ClaimQuestion(tx_hash, known))
        assert reader.reread(ClaimQuestion(tx_hash, known), reading.exchanges).facts == reading.facts
        claim = Claim(contract.lower(), house, amount_minor, datetime.now(UTC))
        decision = decide(claim, rule, reading.facts, doubt=reading.doubt)
        return decision.state, decision.reason

    paid = token.transfer(house, 700)
    assert told(paid, 700) == ("uncertain", "confirming")
    astray, forged, coin = token.transfer(other, 700), fake.transfer(house, 700), world.anvil.pay(house, WEI)
    world.anvil.mine(2)
    assert told(paid, 700) == told(coin, WEI, "") == ("verified", "")
    assert told(paid, 701) == ("rejected", "amount_mismatch")
    assert told(astray, 700) == ("rejected", "wrong_recipient")
    assert told(forged, 700) == ("rejected", "wrong_token")
    assert told("0x" + "99" * 32, 700) == ("uncertain", "not_found")
    assert isinstance(reader, FailOverReader)
    reader.close()


def test_a_token_that_nobody_examined_counts_with_what_arrived(world: World, held: AnvilServer) -> None:
    """It may take a fee and tell the whole amount, or tell of what never moved; two in one block leave a doubt."""
    settings = ChainSettings(chain="anvil", rpc_url=Secret(world.anvil.rpc_url))
    reader = build_verifiers((), (settings,))["anvil"]
    feeing, lying, honest = world.token("Feeing"), Contract(world.anvil, "Lying"), world.token()
    [house, other] = [new.address for new in world.chain.new_addresses(2)]
    known = {token.address.lower(): token.address.lower() for token in (feeing, lying, honest)}

    def told(tx_hash: str) -> list[int] | str:
        question = ClaimQuestion(tx_hash, known, house)
        reading = reader.read(question)
        assert reader.reread(question, reading.exchanges).facts == reading.facts
        return reading.doubt if reading.facts is None else [one.amount_minor for one in reading.facts.transfers]

    taxed, elsewhere = feeing.transfer(house, 1_000), feeing.transfer(other, 1_000)
    pretended = lying.send("pretend(address,address,uint256)", STRANGER, house, 10**9)
    twice = [honest.transfer(house, 5), honest.transfer(house, 6)]
    held.mine()
    assert [told(one) for one in (taxed, elsewhere, pretended, *twice)] == [[900], [1_000], [], [5], [6]]
    again = [feeing.transfer(house, 1_000) for _ in range(2)]
    both = ((STRANGER, house), (house, STRANGER))
    gone = [lying.send("pretend(address,address,uint256)", *ends, 7) for ends in both]
    held.mine()
    assert [told(one) for one in (*again, gone[0])] == ["provider_failed"] * 3
    assert isinstance(reader, FailOverReader)
    reader.close()
