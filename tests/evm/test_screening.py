"""Who paid on a chain of accounts: whoever signed, and whoever's tokens they were; one of them listed is enough."""

from collections.abc import Callable, Iterator

import pytest

from domain.evm.networks import WEI
from models.deposit import Deposit
from models.screening import DepositScreening
from services import screening
from tasks.screening import screen_chain
from tests.contracts import Contract
from tests.dying import die_at
from tests.evm import paths
from tests.evm.paths import COIN, TOKEN, UNIT, EvmRail
from tests.evm.test_crashes import KILLED
from tests.evm.world import STRANGER, World
from tests.rail import BY
from wiring.settings import Settings

Pay = Callable[[EvmRail, Contract, Contract, str], str]


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    yield made
    made.evm.close()
    made.container.engine.dispose()


def listing(rail: EvmRail, address: str) -> None:
    with rail.container.transaction() as session:
        screening.put_on(session, "anvil", address, reason="stolen coins", now=rail.container.now(), by=BY)


def look(rail: EvmRail) -> Deposit:
    rail.mine()
    rail.watch()
    screen_chain(rail.container, rail.evm, BY)
    rail.credit()
    return rail.deposit()


def in_coin(rail: EvmRail, token: Contract, purse: Contract, address: str) -> str:
    return rail.world.anvil.pay(address, WEI)


def in_tokens(rail: EvmRail, token: Contract, purse: Contract, address: str) -> str:
    return token.transfer(address, 5 * UNIT)


def through_a_contract(rail: EvmRail, token: Contract, purse: Contract, address: str) -> str:
    return purse.send("pay(address,address,uint256)", token.address, address, 5 * UNIT)


@pytest.mark.parametrize(
    ("pay", "listed"),
    [
        (in_coin, "signer"),
        (in_tokens, "signer"),
        (in_tokens, "purse"),
        (through_a_contract, "signer"),
        (through_a_contract, "purse"),
        (through_a_contract, "nobody"),
    ],
)
def test_whoever_signed_and_whoever_held_the_tokens_is_looked_up(rail: EvmRail, pay: Pay, listed: str) -> None:
    token, purse = rail.add_token(), Contract(rail.world.anvil, "Purse")
    token.transfer(purse.address, 5 * UNIT)
    signer = rail.world.anvil.outsider()
    listing(rail, {"nobody": STRANGER, "signer": signer, "purse": purse.address}[listed])
    user_id = rail.new_user()
    pay(rail, token, purse, rail.new_address(user_id).address)
    deposit = look(rail)
    senders = {signer.lower(), purse.address.lower()} if pay is through_a_contract else {signer.lower()}
    [row] = _screened(rail)
    assert {one.lower() for one in row.senders} == senders
    caught = {"signer": signer.lower(), "purse": purse.address.lower()}.get(listed) in senders
    assert (deposit.state, row.verdict) == (("quarantined", "hit") if caught else ("credited", "clear"))
    paid = (COIN, WEI) if pay is in_coin else (TOKEN, 5 * UNIT)
    assert rail.owns(user_id, paid[0]) == ((0, 0) if caught else (paid[1], 0))
    rail.assert_sound()


def test_senders_are_looked_up_again_whoever_dies(rail: EvmRail) -> None:
    token = rail.add_token()
    listing(rail, STRANGER)
    user_id = rail.new_user()
    token.transfer(rail.new_address(user_id).address, 5 * UNIT)
    rail.mine()
    rail.watch()
    assert die_at(rail.container, "screen", "screening.looked_up") == KILLED
    rail.credit()
    assert rail.owns(user_id, TOKEN) == (0, 0)
    assert look(rail).state == "credited"
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    rail.assert_sound()


def _screened(rail: EvmRail) -> list[DepositScreening]:
    with rail.container.reading() as session:
        return list(session.query(DepositScreening))
