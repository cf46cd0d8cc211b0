"""The home page: balances, deposits under way, holds and recent activity."""

from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages import lines
from api.pages.context import every_asset, on_rails, page
from api.pages.shapes import BalanceBlock, Home, Money
from api.pages.worths import current_prices, worth
from api.request_context import container
from services import activity, balances

blueprint = Blueprint("home", __name__)

ACTIVITY_PER_PAGE = 25


@blueprint.get("/")
@signed_in
def home() -> Response:
    """Show the home page; `before` pages through older activity."""
    before = request.args.get("before", type=UUID)
    with container().reading() as session:
        shaped = _shape(session, guards.caller().user_id, before)
    return page("home.html", page=shaped)


def _shape(session: Session, user_id: UUID, before: UUID | None) -> Home:
    known = every_asset(session)
    heights = activity.heights(session)
    movements = activity.newest(session, user_id, before=before, limit=ACTIVITY_PER_PAGE)
    older = f"/?before={movements[-1].flow.group_id}" if len(movements) == ACTIVITY_PER_PAGE else None
    return Home(
        balances=_balances(session, user_id, heights),
        activity=tuple(lines.activity(movement, known, heights) for movement in movements),
        rails=bool(on_rails(known)),
        older=older,
    )


def _balances(session: Session, user_id: UUID, heights: dict[str, int]) -> tuple[BalanceBlock, ...]:
    known, priced = every_asset(session), current_prices(session, now=container().now())
    coming, held = activity.coming(session, user_id), activity.held(session, user_id)
    available = {funds.asset_id: funds.available_minor for funds in balances.of_user(session, user_id)}
    shown = {asset.asset_id for asset in on_rails(known)}
    shown |= {row.asset_id for row in coming} | {row.asset_id for row in held}
    return tuple(
        BalanceBlock(
            available=Money(available[asset_id], asset),
            coming=tuple(lines.on_its_way(row, asset, heights) for row in coming if row.asset_id == asset_id),
            held=tuple(lines.held(row, asset) for row in held if row.asset_id == asset_id),
            worth=worth(Money(available[asset_id], asset), priced.get(asset_id)),
        )
        for asset_id, asset in known.items()
        if asset_id in shown or available[asset_id]
    )
