"""Transfer to another user of this installation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages.context import every_asset, field_errors, page, see, typed
from api.pages.shapes import FormField, Money
from api.pages.wording import typed_amount
from api.request_context import actor, container
from api.statuses import status_of
from api.v1 import money
from auth import users
from domain.errors import StrongroomError
from domain.ids import new_id, short_id
from domain.money import parse_amount
from services import balances, transfers
from services.idempotency import Answer

blueprint = Blueprint("send", __name__)


@blueprint.get("/send")
@signed_in
def show() -> Response:
    """Show the empty form."""
    return _form(request.args.get("asset", ""))


@blueprint.post("/send")
@signed_in
def send() -> Response:
    """Transfer the amount; a form sent twice transfers once."""
    asset_id, recipient, amount = typed("asset"), typed("to"), typed_amount(typed("amount"))

    def decide(session: Session, now: datetime) -> Answer:
        sender_id = guards.caller().user_id
        purse = transfers.purse(session, sender_id, asset_id)
        made = transfers.transfer(
            session,
            sender_id=sender_id,
            recipient=users.public_key_of(session, recipient),
            paid_from=purse,
            amount_minor=parse_amount(amount, purse.asset.decimals),
            note=None,
            now=now,
            by=actor(),
        )
        return Answer(HTTPStatus.CREATED, {"flow": short_id(made.flow_id)})

    body = {"asset": asset_id, "to": recipient, "amount": amount}
    try:
        answer = money.decided("send page", body, typed("idempotency_key"), decide)
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "to", "amount", "asset")
        return _form(asset_id, beside=beside, problem=above, status=status_of(type(refusal)))
    if answer.status == HTTPStatus.CREATED:
        return see(f"/flows/{answer.body['flow']}")
    beside, above = field_errors(answer.body, "to", "amount", "asset")
    return _form(asset_id, beside=beside, problem=above, status=answer.status)


def _form(
    asset_id: str,
    *,
    beside: Mapping[str, Sequence[str]] | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    errors = beside or {}
    with container().reading() as session:
        known = every_asset(session)
        funds = balances.of_user(session, guards.caller().user_id)
    return page(
        "send.html",
        status=status,
        balances=[Money(row.available_minor, known[row.asset_id]) for row in funds],
        idempotency_key=f"page-{new_id()}",
        to=FormField(typed("to"), errors.get("to", ())),
        typed=FormField(typed("amount"), errors.get("amount", ())),
        asset=FormField(asset_id, errors.get("asset", ())),
        problem=problem,
    )
