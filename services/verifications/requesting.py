"""Request the verification of a payment."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.flows import VERIFICATION
from domain.ids import new_id
from domain.rails import RAILS
from domain.verification import parse_transaction_hash
from models.asset import Asset
from models.chain import DepositAddress
from models.verification import PaymentVerification
from services import audit, flows, outbox
from services.assets import UnknownAsset
from services.verifications.addresses import recipient


class ClaimOfDeposit(StrongroomError):
    """This is a deposit address: payments to it are detected and credited without a claim."""

    code: ClassVar[str] = "claim_of_deposit"


def request(
    session: Session,
    *,
    user_id: UUID,
    client_id: str | None,
    asset: Asset,
    chain: str,
    tx_hash: object,
    to: str | None,
    amount_minor: int | None,
    reference: str,
    now: datetime,
    by: Actor,
) -> PaymentVerification:
    """Record the claim that this transaction pays this asset, to be looked into at once.

    A payment to the house is credited to the user; an app may also claim payments to its own addresses, which credits
    nobody. Raises UnknownAsset, InvalidTransactionHash, NotAReceivingAddress, ClaimOfDeposit, and what the chain's
    addresses refuse.
    """
    if asset.chain != chain or chain not in RAILS:
        raise UnknownAsset(
            f"there is no asset {asset.asset_id!r} on {chain!r}", fields={"asset": ["is not an asset of that chain"]}
        )
    rail = RAILS[chain]
    spelled = parse_transaction_hash(tx_hash, rail)
    address = recipient(session, chain, to, client_id=client_id)
    script = rail.parse_destination(address.address).script
    if session.scalar(select(exists().where(DepositAddress.chain == chain, DepositAddress.script == script))):
        raise ClaimOfDeposit
    detail = {"chain": chain, "tx_hash": spelled, "to": address.address, "reference": reference}
    opening = flows.Opening(VERIFICATION, "requested", user_id, asset.asset_id, amount_minor or 0, detail)
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    row = PaymentVerification(
        id=new_id(),
        chain=chain,
        tx_hash=spelled,
        asset_id=asset.asset_id,
        user_id=user_id,
        client_id=client_id,
        recipient=address.address,
        credits_user=address.client_id is None,
        amount_minor=amount_minor,
        reference=reference,
        state="requested",
        requested_at=now,
        state_changed_at=now,
        due_at=now,
        correlation_id=by.correlation_id or str(flow_id),
        flow_id=flow_id,
        lease_generation=0,
        attempts=0,
    )
    session.add(row)
    session.flush()
    audit.record(session, "verification.requested", by=by, now=now, detail={"verification_id": str(row.id)})
    outbox.promise(session, "verifications.check", now=now)
    return row
