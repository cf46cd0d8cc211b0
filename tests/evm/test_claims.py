"""Claimed payments on a real chain of accounts: tokens of every character, and the coin."""

from datetime import UTC, datetime, timedelta

from adapters.verification.reader import FailOverReader
from domain.claim_reading import ClaimQuestion
from domain.evm.networks import WEI
from domain.rail_rows import ConfirmationTier
from domain.verification import Claim, ClaimRule, decide
from tests.evm.world import World
from wiring.chain_settings import ChainSettings
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
