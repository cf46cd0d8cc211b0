"""What counts as money on a rail: a coin, tokens by their contracts, and nothing that merely has a familiar name."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.addresses import InvalidAddress
from domain.networks import COIN
from domain.prices import InvalidPrice, PriceRule
from domain.rails import RAILS
from services import assets, prices

BY, NOW = Actor("test"), datetime(2026, 11, 1, tzinfo=UTC)
GNOSIS = RAILS["gnosis"]
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
MIRROR = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"


def add(session: Session, contract: str = TOKEN, chain: str = "gnosis", symbol: str = "tUSD") -> str:
    return assets.add_token(
        session, RAILS[chain], contract, symbol=symbol, decimals=6, name="Test dollar", now=NOW, by=BY
    ).asset_id


def test_every_contract_of_a_row_stands_for_its_asset_and_the_empty_one_for_the_coin(session: Session) -> None:
    assets.ensure_rail(session, GNOSIS)
    assets.ensure_rail(session, GNOSIS)
    money = assets.by_contract(session, "gnosis")
    assert money[""].asset_id == "xDAI"
    for row in GNOSIS.assets[1:]:
        assert {money[contract].asset_id for contract in row.contracts} == {row.asset_id}
    assert set(money) == {"", *(contract for row in GNOSIS.assets for contract in row.contracts)}


def test_the_bound_of_a_tier_belongs_to_the_next_one(session: Session) -> None:
    assets.ensure_rail(session, RAILS["bitcoin"])
    bitcoin = assets.get(session, "BTC")
    amounts = (COIN // 1000 - 1, COIN // 1000, COIN // 10, 21 * COIN)
    assert [assets.confirmations_needed(bitcoin, amount) for amount in amounts] == [1, 3, 6, 6]


def test_a_token_that_an_operator_adds_is_money_by_its_contract_and_leaves_only_on_their_word(session: Session) -> None:
    assert TOKEN.lower() not in assets.by_contract(session, "gnosis")
    asset_id = add(session)
    assert asset_id == "tUSD.gnosis"
    assert assets.by_contract(session, "gnosis")[TOKEN.lower()].asset_id == asset_id
    assert assets.policy(session, asset_id).auto_limit_minor == 0
    assert assets.add_mirror(session, asset_id, MIRROR, now=NOW, by=BY) == MIRROR.lower()
    assert assets.by_contract(session, "gnosis")[MIRROR.lower()].asset_id == asset_id
    assert assets.contracts_of(session, asset_id) == sorted([TOKEN.lower(), MIRROR.lower()])


def test_one_contract_is_never_two_assets(session: Session) -> None:
    asset_id = add(session)
    with pytest.raises(assets.AssetExists):
        add(session, symbol="other")
    with pytest.raises(assets.AssetExists):
        add(session, MIRROR)
    with pytest.raises(assets.AssetExists):
        assets.add_mirror(session, "EURe.gnosis", TOKEN, now=NOW, by=BY)
    assert assets.contracts_of(session, asset_id) == [TOKEN.lower()]


def test_only_a_contract_on_a_chain_of_tokens_can_be_added(session: Session) -> None:
    assets.ensure_rail(session, RAILS["bitcoin"])
    with pytest.raises(assets.NoTokensThere):
        add(session, chain="bitcoin")
    with pytest.raises(assets.NoTokensThere):
        assets.add_mirror(session, "BTC", TOKEN, now=NOW, by=BY)
    with pytest.raises(InvalidAddress):
        add(session, "0x1234")
    with pytest.raises(assets.UnknownAsset):
        assets.add_mirror(session, "none", TOKEN, now=NOW, by=BY)


def test_what_calls_itself_bitcoin_is_worth_nothing_until_an_operator_says_what_it_goes_by(session: Session) -> None:
    prices.set_rule(session, "BTC/USD", PriceRule(timedelta(minutes=5), 1, 500), now=NOW, by=BY)
    prices.set_manually(session, "BTC/USD", Decimal(60_000), now=NOW, by=BY)
    assets.ensure_rail(session, RAILS["bitcoin"])
    asset_id = add(session, symbol="BTC")
    worth = {"BTC": Decimal(60_000)}

    def shown() -> dict[str, Decimal]:
        priced = prices.of_assets(session, assets.every(session), now=NOW)
        return {name: price.price for name, price in priced.items()}

    assert shown() == worth
    prices.price_as(session, asset_id, "BTC/USD", now=NOW, by=BY)
    assert shown() == worth | {asset_id: Decimal(60_000)}
    prices.price_as(session, "BTC", "", now=NOW, by=BY)
    assert shown() == {asset_id: Decimal(60_000)}
    for pair in ("BTC/EUR", "nothing"):
        with pytest.raises(InvalidPrice):
            prices.price_as(session, asset_id, pair, now=NOW, by=BY)


def test_a_token_under_the_name_of_one_that_ships_later_goes_by_its_contract(session: Session) -> None:
    assets.ensure_rail(session, GNOSIS)
    shipped = assets.get(session, "USDC.gnosis")
    assert prices.pair_of(shipped) == "USDC/USD"
    shipped.contract = TOKEN.lower()
    assert prices.pair_of(shipped) == ""
