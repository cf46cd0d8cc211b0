"""An account-based chain whose blocks the tests write by hand, so that every path can be tested."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import NATIVE_VALUE, Block, ChainOutput, ChainTransaction, OutPoint
from domain.ids import new_id
from domain.rails import RAILS
from domain.wallet_facts import NewAddress, SignedPayment
from models.asset import WithdrawalPolicy
from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.user import User
from models.withdrawal import Withdrawal
from services import addresses, assets, chains, deposits, ledger, payouts, withdrawals

BY, NOW = Actor("test"), datetime(2026, 11, 1, 12, tzinfo=UTC)
RAIL = RAILS["gnosis"]
COIN = RAIL.coin.asset_id
TOKEN = next(row for row in RAIL.assets if len(row.contracts) > 1)
WALLET = "0x" + "11" * 20
OUTSIDE = "0x" + "22" * 20
UNIT = 10**18


class Accounts:
    """The installation on this chain: its ledger, and the blocks that it reads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.generation = 0
        self.height = 100
        assets.ensure_rail(session, RAIL)
        chains.follow(session, RAIL.chain, height=self.height, hashes=[self._hash()], now=NOW)
        policies = session.scalars(select(WithdrawalPolicy)).all()
        for policy in policies:
            policy.confirmations = 1

    def user(self) -> UUID:
        user_id = new_id()
        self.session.add(User(id=user_id, public_key=f"02{user_id.hex}{user_id.hex}", created_at=NOW))
        self.session.flush()
        return user_id

    def address(self, user_id: UUID, asset_id: str = COIN) -> DepositAddress:
        index = addresses.next_index(self.session, RAIL.chain)
        payload = new_id().bytes + b"\0\0\0\0"
        made = NewAddress("0x" + payload.hex(), payload, index)
        addresses.add_to_pool(self.session, RAIL.chain, [made], now=NOW)
        return addresses.issue(self.session, user_id=user_id, asset_id=asset_id, now=NOW, by=BY)

    def block(self, *transactions: ChainTransaction, final: int | None = None) -> int:
        """Add one block and process it. Returns new deposits."""
        previous, self.height = self._hash(), self.height + 1
        claimed = chains.claim(self.session, RAIL.chain, owner="test", now=NOW)
        assert claimed is not None
        block = Block(self.height, self._hash(), previous, NOW, transactions)
        found = chains.advance(
            self.session, RAIL.chain, [block], generation=claimed.lease_generation, tip_height=self.height, now=NOW,
            by=BY,
        )  # fmt: skip
        chains.finish(
            self.session, RAIL.chain, generation=claimed.lease_generation, tip_height=self.height, final_height=final,
            now=NOW,
        )  # fmt: skip
        claimed.due_at = None
        deposits.credit_due(self.session, RAIL.chain, now=NOW, by=BY)
        payouts.settle_due(self.session, RAIL.chain, now=NOW, by=BY)
        payouts.fail_conflicted(self.session, RAIL.chain, now=NOW, by=BY)
        return found

    def fund(self, user_id: UUID, asset_id: str, contract: str, amount_minor: int) -> None:
        script = self.address(user_id, asset_id).script
        self.block(paying(ChainOutput(0, bytes(script), amount_minor, contract)), final=self.height + 1)

    def withdraw(self, user_id: UUID, asset_id: str, amount_minor: int) -> Withdrawal:
        return withdrawals.request(
            self.session, user_id=user_id, asset_id=asset_id, amount_minor=amount_minor, destination=OUTSIDE, now=NOW,
            by=BY,
        )  # fmt: skip

    def sign(self, asset_id: str, nonce: int, *, fee_minor: int = 1_000) -> Payout:
        """Claim one approved withdrawal and store a signed payment for it."""
        asset = assets.get(self.session, asset_id)
        batch = payouts.claim_approved(
            self.session, asset, fee_asset_id=RAIL.fee_asset_id(asset_id), most=RAIL.payments_per_transaction,
            owner="test", now=NOW,
        )  # fmt: skip
        assert batch is not None
        assert len(batch.payments) == 1
        signed = SignedPayment(txid(), "0x", fee_minor, 0, (OutPoint(WALLET, nonce),), (0,), None)
        payout_id = payouts.record_signed(self.session, batch, signed, now=NOW, by=BY)
        assert payout_id is not None
        return self.session.get_one(Payout, payout_id)

    def balance(self, user_id: UUID, asset_id: str) -> tuple[int, int]:
        """Available and held amounts."""
        for balance in ledger.balances(self.session, user_id):
            if balance.asset_id == asset_id:
                return balance.available_minor, balance.held_minor
        return 0, 0

    def deposits(self) -> Sequence[Deposit]:
        return self.session.scalars(select(Deposit).order_by(Deposit.id)).all()

    def _hash(self) -> str:
        return f"0x{self.height:064x}"


def txid() -> str:
    return f"0x{new_id().hex}{new_id().hex}"


def paying(*outputs: ChainOutput, spends: tuple[OutPoint, ...] = ()) -> ChainTransaction:
    return ChainTransaction(txid(), outputs, spends, is_coinbase=False)


def coin(script: bytes, amount_minor: int) -> ChainOutput:
    return ChainOutput(NATIVE_VALUE, bytes(script), amount_minor)


def sent(form_txid: str, nonce: int, *, succeeded: bool = True, fee_minor: int = 700) -> ChainTransaction:
    """A payment of ours as a block contains it."""
    return ChainTransaction(
        form_txid, (), (OutPoint(WALLET, nonce),), is_coinbase=False, succeeded=succeeded, fee_minor=fee_minor
    )
