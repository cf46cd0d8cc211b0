"""An installation that converts one coin into another: its prices, its holdings and its users."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.conversions import Charges
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from domain.prices import PriceRule
from domain.rails import RAILS
from models.conversion import Conversion, ConversionQuote
from models.user import User
from services import assets, conversions, invariants, ledger, prices
from services.conversions import Terms
from tasks.conversions import settle_due
from wiring.container import Container

BY = Actor("test")
SOLD, BOUGHT = "rLTC", "tETH"
SOLD_PRICE, BOUGHT_PRICE = "LTC/USD", "ETH/USD"
COIN, ETHER = 10**8, 10**18
# 0.5 % spread and 0.25 % fee: of 1 rLTC at 100 dollars, 0.9925 is converted into tETH at 3000 dollars.
TERMS = Terms(
    charges=Charges(spread_ppm=5_000, fee_ppm=2_500),
    minimum_minor=COIN // 100,
    maximum_minor=100 * COIN,
    quote_lifetime=timedelta(seconds=30),
    tolerance_ppm=10_000,
    from_price=SOLD_PRICE,
    to_price=BOUGHT_PRICE,
)
LEASE_IS_OVER: Final = timedelta(minutes=2)


@dataclass
class Desk:
    """Two assets, one pair, and the steps of a test."""

    container: Container

    @classmethod
    def open(cls, container: Container, *, float_minor: int = 10 * ETHER) -> "Desk":
        desk = cls(container)
        now = container.now()
        with container.transaction() as session:
            for chain in ("litecoin-regtest", "anvil"):
                assets.ensure_rail(session, RAILS[chain])
            for pair in (SOLD_PRICE, BOUGHT_PRICE):
                prices.set_rule(session, pair, PriceRule(timedelta(minutes=10), 1, 500), now=now, by=BY)
            conversions.set_terms(session, SOLD, BOUGHT, TERMS, now=now, by=BY)
            desk.book(session, "owner_funding", "hot_wallet", "owner_equity", float_minor)
            conversions.fund(session, BOUGHT, float_minor, now=now, by=BY)
        desk.price(SOLD_PRICE, "100")
        desk.price(BOUGHT_PRICE, "3000")
        return desk

    def book(self, session: Session, kind: str, debit: str, credit: str, minor: int) -> None:
        """Move an amount of the bought asset between the installation's accounts."""
        legs = Transfer(
            ledger.system_account(session, debit, BOUGHT), ledger.system_account(session, credit, BOUGHT), minor
        )
        ledger.post_one(session, Transaction(f"test:{new_id()}", kind, (legs,), self.container.now()))

    def price(self, pair: str, price: str) -> None:
        with self.container.transaction() as session:
            prices.set_manually(session, pair, Decimal(price), now=self.container.now(), by=BY)

    def later(self, by: timedelta) -> None:
        """Advance the clock."""
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + by)

    def somebody(self, funds_minor: int = 0) -> UUID:
        user_id = new_id()
        with self.container.transaction() as session:
            session.add(User(id=user_id, public_key=f"02{user_id.hex}{user_id.hex}", created_at=self.container.now()))
        if funds_minor:
            self.fund(user_id, funds_minor)
        return user_id

    def fund(self, user_id: UUID, minor: int, asset_id: str = SOLD) -> None:
        with self.container.transaction() as session:
            legs = Transfer(
                ledger.system_account(session, "hot_wallet", asset_id),
                ledger.user_account(session, user_id, asset_id),
                minor,
            )
            ledger.post_one(session, Transaction(f"test:{new_id()}", "deposit_credit", (legs,), self.container.now()))

    def quote(self, user_id: UUID, minor: int = COIN) -> ConversionQuote:
        with self.container.transaction() as session:
            return conversions.quote(
                session,
                user_id=user_id,
                from_asset_id=SOLD,
                to_asset_id=BOUGHT,
                amount_minor=minor,
                now=self.container.now(),
            )

    def convert(self, user_id: UUID, quote_id: UUID) -> Conversion:
        with self.container.transaction() as session:
            now = self.container.now()
            return conversions.request(session, quote_id, user_id=user_id, now=now, by=BY).conversion

    def asked(self, user_id: UUID, minor: int = COIN) -> Conversion:
        """A conversion on a new quote."""
        return self.convert(user_id, self.quote(user_id, minor).id)

    def settle(self) -> int:
        return settle_due(self.container, BY)

    def row(self, conversion_id: UUID) -> Conversion:
        with self.container.reading() as session:
            return session.get_one(Conversion, conversion_id)

    def told(self, conversion_id: UUID) -> tuple[str, str | None]:
        """The state, and the reason of a failure."""
        row = self.row(conversion_id)
        return row.state, row.failed_because

    def balance(self, user_id: UUID, asset_id: str = SOLD) -> tuple[int, int]:
        """Available and held amounts."""
        with self.container.reading() as session:
            found = {one.asset_id: one for one in ledger.balances(session, user_id)}
        return (found[asset_id].available_minor, found[asset_id].held_minor) if asset_id in found else (0, 0)

    def house(self, code: str, asset_id: str) -> int:
        """The posted balance of an account of the installation."""
        with self.container.transaction() as session:
            return ledger.system_balance(session, code, asset_id)

    def assert_sound(self) -> None:
        with self.container.reading() as session:
            assert invariants.check(session) == []
