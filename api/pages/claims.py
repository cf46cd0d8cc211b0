"""Claim payments that were already made, and follow the claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards
from api.guards import role, signed_in
from api.pages.context import every_asset, field_errors, page, see, typed
from api.pages.flow import show_flow
from api.pages.shapes import AssetName, FormField, Money
from api.pages.wording import typed_amount
from api.request_context import actor, container, operator
from api.statuses import status_of
from api.v1 import money
from domain.errors import StrongroomError
from domain.flows import VERIFICATION
from domain.ids import new_id, short_id
from domain.money import parse_amount
from domain.verification import REASONS
from models.verification import PaymentVerification
from services import assets, verifications
from services.idempotency import Answer

blueprint = Blueprint("claims", __name__)

CLAIMS: Final = "/claims"
SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Payable:
    """An asset that is paid to a receiving address of the installation."""

    asset: AssetName
    address: str


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim, its state and the reason."""

    flow: str
    asset: AssetName
    paid: Money | None
    tx_hash: str
    meaning: str
    state: str
    sentence: str
    at: datetime


@blueprint.get(CLAIMS)
@signed_in
def show() -> Response:
    """Show the form, the receiving addresses, and the claims so far."""
    return _form()


@blueprint.post(CLAIMS)
@signed_in
def claim() -> Response:
    """Claim a payment; a form sent twice claims once."""
    asset_id, tx_hash, amount = typed("asset"), typed("tx_hash"), typed_amount(typed("amount"))

    def decide(session: Session, now: datetime) -> Answer:
        asset = assets.get(session, asset_id)
        row = verifications.request(
            session,
            user_id=guards.caller().user_id,
            client_id=None,
            asset=asset,
            chain=asset.chain,
            tx_hash=tx_hash,
            to=None,
            amount_minor=parse_amount(amount, asset.decimals) if amount else None,
            reference="",
            now=now,
            by=actor(),
        )
        return Answer(HTTPStatus.CREATED, {"flow": short_id(row.flow_id)})

    body = {"asset": asset_id, "tx_hash": tx_hash, "amount": amount}
    try:
        answer = money.decided("claims page", body, typed("idempotency_key"), decide)
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "tx_hash", "amount")
        return _form(beside, problem=above, status=status_of(type(refusal)))
    if answer.status == HTTPStatus.CREATED:
        return see(f"/flows/{answer.body['flow']}")
    beside, above = field_errors(answer.body, "tx_hash", "amount")
    return _form(beside, problem=above, status=answer.status)


@blueprint.post("/operator/claims/<uuid:verification_id>/ask")
@role("approver")
def ask_again(verification_id: UUID) -> Response:
    """Look up an uncertain or rejected claim again."""
    parts = container()
    with parts.reading() as session:
        flow_id = verifications.one(session, verification_id).flow_id
    try:
        with parts.transaction() as session:
            verifications.ask_again(session, verification_id, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return show_flow(str(flow_id), problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(f"/flows/{short_id(flow_id)}")


def _form(
    errors: Mapping[str, Sequence[str]] | None = None, *, problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    beside = errors or {}
    with container().reading() as session:
        known = every_asset(session)
        addresses = {row.chain: row.address for row in verifications.addresses_of(session) if row.client_id is None}
        rows = verifications.newest(session, guards.caller().user_id, client_id=None, before=None, limit=SHOWN_MAX)
    return page(
        "claims.html",
        status=status,
        payable=[Payable(one, addresses[one.chain]) for one in known.values() if one.chain in addresses],
        chosen=typed("asset"),
        lines=[_line(row, known[row.asset_id]) for row in rows],
        idempotency_key=f"page-{new_id()}",
        tx_hash=FormField(typed("tx_hash"), beside.get("tx_hash", ())),
        typed=FormField(typed("amount"), beside.get("amount", ())),
        problem=problem,
    )


def _line(row: PaymentVerification, asset: AssetName) -> ClaimLine:
    state = VERIFICATION.states[row.state]
    return ClaimLine(
        flow=short_id(row.flow_id),
        asset=asset,
        paid=None if row.paid_minor is None else Money(row.paid_minor, asset),
        tx_hash=row.tx_hash,
        meaning=state.meaning,
        state=row.state,
        sentence=REASONS[row.reason] if row.reason else state.sentence,
        at=row.requested_at,
    )
