"""The operator's switches: observers, withdrawals and alert evaluation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages import board, sentences
from api.pages.context import every_asset, page, see, typed
from api.pages.shapes import AssetName
from api.pages.wording import amount, spoken
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.rails import RAILS
from models.chain import ChainCursor
from services import assets, chains, withdrawals
from services.alerts import pausing

blueprint = Blueprint("controls-page", __name__)

CONTROLS: Final = "/operator/controls"
_OBSERVER: Final[Mapping[str, Callable[..., object]]] = MappingProxyType(
    {"refresh": chains.refresh, "pause": chains.pause, "resume": chains.resume}
)
REASON_LENGTH_MAX: Final = 500
HOURS_MAX: Final = int(pausing.PAUSE_MAX / timedelta(hours=1))
_WITHDRAWALS: Final[Mapping[str, Callable[..., object]]] = MappingProxyType(
    {"pause": withdrawals.pause, "resume": withdrawals.resume}
)


@dataclass(frozen=True, slots=True)
class ObserverLine:
    """One chain observer, its health, and since when."""

    chain: str
    name: str
    meaning: str
    words: str
    height: str
    polled_at: datetime | None
    is_paused: bool


@dataclass(frozen=True, slots=True)
class WithdrawalLine:
    """Whether an asset's withdrawals are paused, and how many wait."""

    asset: AssetName
    is_paused: bool
    waiting: int


@blueprint.get(CONTROLS)
@role("viewer")
def show() -> Response:
    """Show every switch and its state."""
    return _page()


@blueprint.post(f"{CONTROLS}/observers/<chain>/<control>")
@role("admin")
def observe(chain: str, control: str) -> Response:
    """Refresh, pause or resume the observer of a chain."""
    return _turn(_OBSERVER.get(control), chain)


@blueprint.post(f"{CONTROLS}/withdrawals/<asset>/<control>")
@role("admin")
def let_out(asset: str, control: str) -> Response:
    """Pause or resume the withdrawals of an asset."""
    return _turn(_WITHDRAWALS.get(control), asset)


@blueprint.post(f"{CONTROLS}/alerts/pause")
@role("admin")
def look_away() -> Response:
    """Pause alert evaluation for some hours."""
    parts, hours, reason = container(), request.form.get("hours", type=int) or 0, typed("reason")
    if not (reason and reason.isprintable() and len(reason) <= REASON_LENGTH_MAX and 0 < hours <= HOURS_MAX):
        told = f"Nothing was changed: a pause has a reason and lasts 1 to {HOURS_MAX} hours."
        return _page(problem=told, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    with parts.transaction() as session:
        now = parts.now()
        pausing.pause(session, until=now + timedelta(hours=hours), reason=reason, now=now, by=operator())
    return see(CONTROLS)


@blueprint.post(f"{CONTROLS}/alerts/resume")
@role("admin")
def look_again() -> Response:
    """Resume alert evaluation."""
    parts = container()
    with parts.transaction() as session:
        pausing.resume(session, now=parts.now(), by=operator())
    return see(CONTROLS)


def _turn(control: Callable[..., object] | None, name: str) -> Response:
    if control is None:
        abort(HTTPStatus.NOT_FOUND)
    parts = container()
    try:
        with parts.transaction() as session:
            control(session, name if name.isprintable() else "", now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(CONTROLS)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        values: dict[str, Any] = {
            "observers": [_observer(cursor) for cursor in chains.every(session)],
            "withdrawals": _withdrawals(session),
            "alerts": board.looking(session, container().now()),
            "pause": pausing.current(session, now=container().now()),
        }
    may_switch = "admin" in guards.caller().roles
    return page("controls.html", status=status, problem=problem, may_switch=may_switch, hours_max=HOURS_MAX, **values)


def _observer(cursor: ChainCursor) -> ObserverLine:
    if cursor.paused_at is not None:
        meaning, words = "waiting", f"paused by {sentences.actor(cursor.paused_by or '')}"
    elif cursor.failing_since is not None:
        meaning, words = "wrong", spoken(cursor.error or "does not answer")
    elif cursor.height < cursor.tip_height:
        meaning, words = "waiting", f"{cursor.tip_height - cursor.height} blocks behind"
    else:
        meaning, words = "yours", "at the tip"
    rail = RAILS.get(cursor.chain)
    return ObserverLine(
        chain=cursor.chain,
        name=rail.name if rail else cursor.chain,
        meaning=meaning,
        words=words,
        height=amount(cursor.height, 0),
        polled_at=cursor.polled_at,
        is_paused=cursor.paused_at is not None,
    )


def _withdrawals(session: Session) -> list[WithdrawalLine]:
    waiting = withdrawals.waiting_counts(session)
    return [
        WithdrawalLine(asset, assets.policy(session, asset_id).paused, waiting.get(asset_id, 0))
        for asset_id, asset in every_asset(session).items()
    ]
