"""What there is before the drill begins: people with money of every kind, rules with small numbers, a token."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import update

from adapters.evm.chain import EvmChain
from auth import roles
from cli.progress import until
from cli.token_story import BY, SYMBOL, TOKEN, deploy
from domain.ledger import Transaction, Transfer
from domain.rails import RAILS
from drill.house import House
from drill.journal import Journal, PaidIn
from drill.load import Amounts
from drill.outside import DOLLAR, MICRO, NAIRA, AccountRail, BankRail, CoinRail, CustodianRail, IncomingRail, Rail
from drill.people import Somebody
from models.asset import Asset, WithdrawalPolicy
from services import assets, ledger, verifications
from tests.fakes.circle import Delivery
from wiring.container import Container
from wiring.embedded.anvil import CHAIN

PEOPLE: Final = 10
CONFIRMATIONS: Final = 2
BEGIN_WITH: Final = 20
"""So many times what usually moves is what people have of each asset to begin with."""
FUNDED_WITH: Final = 500
"""So many times of it is what the house's owner keeps ready on the chain of accounts."""
FEE_SHARE: Final = 1000
"""The fee of a withdrawal is the usual amount divided by this."""
USUAL: Final = {"tETH": 10**16, TOKEN: 20 * MICRO, DOLLAR: 20 * MICRO, NAIRA: 2_000_000}
USUAL_COIN_MINOR: Final = 10**7


class Scene:
    """Everybody who takes part, and the rails between them."""

    def __init__(self, house: House, journal: Journal, post: Callable[[Delivery], None], seed: int) -> None:
        self.house = house
        self.journal = journal
        self.rails: list[Rail] = []
        self._post = post
        self._seed = seed
        self.people: list[Somebody] = []
        self.operator: Somebody
        self.amounts: Amounts

    def set_up(self) -> None:
        """Bring all of this about, most of it through the public interface. Raises ServerFailed."""
        self.rails = self._make_rails()
        usual = {asset_id: USUAL.get(asset_id, USUAL_COIN_MINOR) for rail in self.rails for asset_id in rail.asset_ids}
        container = self.house.container
        with container.reading() as session:
            decimals = dict(assets.decimals(session))
        self._set_rules(container, usual)
        self.amounts = Amounts(usual, decimals, self._receive(container))
        self._fund(container, usual)
        self.operator = Somebody(self.house.url)
        with container.transaction() as session:
            roles.grant(session, self.operator.user_id, "approver", by=BY.name, now=container.now())
        self.people = [Somebody(self.house.url) for _ in range(PEOPLE)]
        for who in self.people:
            for rail in self.rails:
                self._settle(who, rail, usual)
        self._give_naira(container, usual)

    def close(self) -> None:
        """Have everybody hang up."""
        for who in (*self.people, self.operator):
            who.close()

    def _make_rails(self) -> list[Rail]:
        stack, rails = self.house.stack, list[Rail]()
        if stack.node is not None:
            rails.append(CoinRail(stack.node))
        if stack.anvil is not None:
            contract = deploy(stack.anvil)
            container = self.house.container
            with container.transaction() as session:
                assets.add_token(
                    session, RAILS[CHAIN], contract, symbol=SYMBOL, decimals=6, name="Test dollar",
                    now=container.now(), by=BY,
                )  # fmt: skip
            rails.append(AccountRail(stack.anvil, contract))
        rails.append(CustodianRail(self.house.circle, self.journal, self._post, self._seed))
        return [*rails, BankRail(self.house.flutterwave, self.journal)]

    def _set_rules(self, container: Container, usual: dict[str, int]) -> None:
        """Few confirmations, low minimums, and a limit above which an operator has to agree."""
        with container.transaction() as session:
            for asset_id, amount in usual.items():
                policy: dict[str, Any] = {
                    "minimum_minor": amount // 10,
                    "fee_minor": amount // FEE_SHARE,
                    "auto_limit_minor": amount,
                    "two_approvals_above_minor": 100 * amount,
                    "daily_user_limit_minor": 10_000 * amount,
                    "daily_system_limit_minor": None,
                    "confirmations": CONFIRMATIONS,
                }
                session.execute(update(WithdrawalPolicy).where(WithdrawalPolicy.asset_id == asset_id).values(**policy))
                if RAILS[assets.get(session, asset_id).chain].family in {"bitcoin", "evm"}:
                    session.execute(
                        update(Asset)
                        .where(Asset.asset_id == asset_id)
                        .values(confirmation_tiers=[[None, CONFIRMATIONS]], minimum_deposit_minor=amount // 10)
                    )

    def _receive(self, container: Container) -> str:
        """Have payments to the hot wallet of the chain of accounts be claimed; its address, if there is one."""
        chain = container.chains.get(CHAIN)
        if not isinstance(chain, EvmChain):
            return ""
        with container.transaction() as session:
            now = container.now()
            return verifications.add_address(session, CHAIN, chain.account, client_id=None, now=now, by=BY).address

    def _fund(self, container: Container, usual: dict[str, int]) -> None:
        """Have the owner put something into the hot wallet of the chain of accounts, and say so to the books."""
        rail = next((rail for rail in self.rails if isinstance(rail, AccountRail)), None)
        if rail is None:
            return
        for asset_id in rail.asset_ids:
            amount = FUNDED_WITH * usual[asset_id]
            rail.pay_in(self.amounts.house, asset_id, amount)
            with container.transaction() as session:
                hot = ledger.system_account(session, "hot_wallet", asset_id)
                owner = ledger.system_account(session, "owner_equity", asset_id)
            with container.transaction() as session:
                leg = Transfer(hot, owner, amount)
                ledger.post(session, [Transaction(f"drill:{asset_id}", "owner_funding", (leg,), container.now())])

    def _settle(self, who: Somebody, rail: Rail, usual: dict[str, int]) -> None:
        """Give somebody an address on a rail, and something to begin with."""
        if not isinstance(rail, IncomingRail):
            return
        body = {"asset": rail.asset_ids[0]}
        if isinstance(rail, CustodianRail):
            body["network"] = "ETH"
        issued = until(lambda: self._address(who, body))
        for asset_id in rail.asset_ids:
            who.addresses[asset_id] = issued
            amount = BEGIN_WITH * usual[asset_id]
            reference = rail.pay_in(issued, asset_id, amount)
            self.journal.pays_in(PaidIn(reference, who.user_id, asset_id, amount))

    def _address(self, who: Somebody, body: dict[str, str]) -> str | None:
        """An address, once the pool of a fresh installation has some."""
        answer = who.insist("POST", "/api/v1/deposit-addresses", json=body)
        return str(answer.json()["address"]) if answer.is_success else None

    def _give_naira(self, container: Container, usual: dict[str, int]) -> None:
        """Nothing comes in by a bank's rail: what people have of it is a transfer in the ledger."""
        amount = BEGIN_WITH * usual[NAIRA]
        with container.transaction() as session:
            hot = ledger.system_account(session, "hot_wallet", NAIRA)
            owned = [ledger.user_account(session, who.user_id, NAIRA) for who in self.people]
        with container.transaction() as session:
            given = [
                Transaction(f"drill:{place}", "drill", (Transfer(hot, account, amount),), container.now())
                for place, account in enumerate(owned)
            ]
            ledger.post(session, given)
        self.house.flutterwave.balances["NGN"] += amount * len(owned) // 100
        for who in self.people:
            self.journal.opening[who.user_id, NAIRA] += amount
