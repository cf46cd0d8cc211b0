"""Request and cancel withdrawals."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages.context import chosen_of, every_asset, field_errors, on_rails, page, see, typed
from api.pages.shapes import AssetName, FormField, Money, Rules
from api.pages.wording import typed_amount
from api.pages.worths import current_prices, worth
from api.request_context import actor, container
from api.statuses import status_of
from api.v1 import money
from domain.beneficiaries import takes_names
from domain.errors import StrongroomError
from domain.ids import new_id, short_id
from domain.money import parse_amount
from domain.rails import RAILS
from services import assets, balances, chains, flows, withdrawals
from services.idempotency import Answer

blueprint = Blueprint("withdraw", __name__)

_FIELDS: Final = ("destination", "beneficiary_name", "amount")


@blueprint.get("/withdraw")
@signed_in
def show() -> Response:
    """Show the empty form."""
    return _form(request.args.get("asset"))


@blueprint.post("/withdraw")
@signed_in
def ask() -> Response:
    """Request a withdrawal and hold its funds; a form sent twice requests once."""
    asset_id, destination, amount = typed("asset"), typed("destination"), typed_amount(typed("amount"))
    named = {"beneficiary_name": typed("beneficiary_name")} if typed("beneficiary_name") else {}

    def decide(session: Session, now: datetime) -> Answer:
        asset = assets.get(session, asset_id)
        withdrawal = withdrawals.request(
            session,
            user_id=guards.caller().user_id,
            asset_id=asset.asset_id,
            amount_minor=parse_amount(amount, asset.decimals),
            destination=destination,
            now=now,
            by=actor(),
            beneficiary_name=named.get("beneficiary_name"),
        )
        return Answer(HTTPStatus.CREATED, {"flow": short_id(withdrawal.flow_id)})

    body = {"asset": asset_id, "destination": destination, "amount": amount, **named}
    try:
        answer = money.decided("withdraw page", body, typed("idempotency_key"), decide)
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, *_FIELDS)
        return _form(asset_id, beside=beside, problem=above, status=status_of(type(refusal)))
    if answer.status == HTTPStatus.CREATED:
        return see(f"/flows/{answer.body['flow']}")
    beside, above = field_errors(answer.body, *_FIELDS)
    return _form(asset_id, beside=beside, problem=above, status=answer.status)


@blueprint.post("/flows/<reference>/cancel")
@signed_in
def cancel(reference: str) -> Response:
    """Cancel a withdrawal that is not signed yet, and redirect to its flow."""
    parts = container()
    user_id = guards.caller().user_id
    with parts.transaction() as session:
        flow = flows.find(session, reference, user_id=user_id)
        withdrawal_id = withdrawals.of_flow(session, flow.group_id).id
        withdrawals.cancel(session, withdrawal_id, user_id=user_id, now=parts.now(), by=actor())
    return see(f"/flows/{flow.short_id}")


def _form(
    asset_id: str | None,
    *,
    beside: Mapping[str, Sequence[str]] | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    errors = beside or {}
    with container().reading() as session:
        choice = on_rails(every_asset(session))
        chosen = chosen_of(choice, asset_id)
        rules = _rules(session, guards.caller().user_id, chosen) if chosen else None
        unread_since = chains.unread_since(session, chosen.chain, now=container().now()) if chosen else None
    return page(
        "withdraw.html",
        status=status,
        assets=choice,
        rules=rules,
        chain=RAILS[chosen.chain].name if chosen else "",
        unread_since=unread_since,
        # A refused form is a new request once it is corrected.
        idempotency_key=f"page-{new_id()}",
        destination=FormField(typed("destination"), errors.get("destination", ())),
        beneficiary=FormField(typed("beneficiary_name"), errors.get("beneficiary_name", ())),
        typed=FormField(typed("amount"), errors.get("amount", ())),
        problem=problem,
    )


def _rules(session: Session, user_id: UUID, asset: AssetName) -> Rules:
    policy = assets.policy(session, asset.asset_id)
    available = {funds.asset_id: funds.available_minor for funds in balances.of_user(session, user_id)}
    rail = RAILS[asset.chain]
    spendable = Money(available.get(asset.asset_id, 0), asset)
    return Rules(
        asset=asset,
        network=rail.name if rail.has_accounts else asset.name,
        available=spendable,
        worth=worth(spendable, current_prices(session, now=container().now()).get(asset.asset_id)),
        fee=Money(policy.fee_minor, asset),
        minimum=Money(policy.minimum_minor, asset),
        auto_limit=Money(policy.auto_limit_minor, asset),
        daily_limit=Money(policy.daily_user_limit_minor, asset),
        transfers_count=policy.transfers_count,
        two_approvals_from=Money(policy.two_approvals_above_minor, asset),
        allowlist_only=policy.allowlist_only,
        paused=policy.paused,
        names=takes_names(rail),
        cooldown=timedelta(seconds=policy.key_cooldown_s) if policy.key_cooldown_s else None,
    )
