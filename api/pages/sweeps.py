"""Sweeps: funds on deposit addresses, sweeps under way, and actions on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort
from sqlalchemy.orm import Session

from api.guards import role
from api.pages import sentences
from api.pages.context import every_asset, page, see, typed
from api.pages.flow import show_flow
from api.pages.operator import GRAVE, RESOLUTIONS
from api.pages.shapes import AssetName, Money
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.flows import SWEEP
from domain.ids import short_id
from domain.rails import RAILS
from services import assets, payouts, sweeps
from services.sweeps import SweepView

blueprint = Blueprint("sweeps-page", __name__)

PLACE: Final = "/operator/sweeps"
OPEN_MAX: Final = 200
CLOSED_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class SweepLine:
    """One sweep; `gas` is the cost of its payments, at most while it is under way."""

    flow: str
    money: Money
    address: str
    state: str
    meaning: str
    words: str
    since: datetime
    gas: Money | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class LyingLine:
    """The funds on deposit addresses of one asset, and the least amount on an address that is swept."""

    asset: AssetName
    lying: Money
    threshold: Money


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show the funds on deposit addresses, the sweeps under way, and the latest finished ones."""
    return _page()


@blueprint.post(f"{PLACE}/<uuid:sweep_id>/resolve")
@role("approver")
def resolve(sweep_id: UUID) -> Response:
    """Resolve a sweep's payment: rebroadcast, raise its fee, replace it by nothing, or give it up on proof."""
    parts, action = container(), typed("action")
    if action not in RESOLUTIONS:
        abort(HTTPStatus.BAD_REQUEST)
    with parts.reading() as session:
        flow_id = sweeps.one(session, sweep_id).flow_id
    if action in GRAVE and typed("typed") != short_id(flow_id):
        problem = "Nothing was changed: the short id that was typed is not this one's."
        return show_flow(str(flow_id), problem=problem, status=HTTPStatus.CONFLICT)
    try:
        with parts.transaction() as session:
            payment = sweeps.payment_of(session, sweep_id)
            if payment is None:
                raise payouts.PayoutNotFound
            RESOLUTIONS[action](session, payment.id, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return show_flow(str(flow_id), problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(f"/flows/{short_id(flow_id)}")


def _page() -> Response:
    with container().reading() as session:
        known = every_asset(session)
        under_way = [_line(view, known) for view in sweeps.newest(session, is_open=True, limit=OPEN_MAX)]
        over = [_line(view, known) for view in sweeps.newest(session, is_open=False, limit=CLOSED_MAX)]
        lying = _lying(session, known)
    return page("sweeps.html", under_way=under_way, over=over, lying=lying)


def _line(view: SweepView, known: Mapping[str, AssetName]) -> SweepLine:
    row = view.sweep
    state = SWEEP.states[row.state]
    gas = None if view.gas_asset_id is None else Money(view.gas_minor or 0, known[view.gas_asset_id])
    return SweepLine(
        flow=short_id(row.flow_id),
        money=Money(row.amount_minor, known[row.asset_id]),
        address=view.address,
        state=row.state,
        meaning=state.meaning,
        words=sentences.waiting(row.waiting_reason) if row.waiting_reason else state.sentence,
        since=row.state_changed_at,
        gas=gas,
        is_open=row.closed_at is None,
    )


def _lying(session: Session, known: Mapping[str, AssetName]) -> list[LyingLine]:
    unswept = sweeps.unswept(session)
    return [
        LyingLine(
            known[row.asset_id],
            Money(unswept.get(row.asset_id, 0), known[row.asset_id]),
            Money(sweeps.threshold_minor(row), known[row.asset_id]),
        )
        for row in assets.every(session)
        if row.chain in RAILS and RAILS[row.chain].has_accounts
    ]
