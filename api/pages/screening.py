"""Screening: each rail's policy, the list, and the deposits that could not be screened."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages.context import every_asset, page, see, typed
from api.pages.shapes import Money
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.ids import short_id
from domain.rails import RAILS
from models.screening import ListedAddress
from services import screening
from services.deposits import screening as looking

blueprint = Blueprint("screening-page", __name__)

PLACE: Final = "/operator/screening"
TEXT_LENGTH_MAX: Final = 500
SEARCH_LENGTH_MAX: Final = 130
LISTED_PER_PAGE: Final = 100
_CODE: Final = re.compile(r"^[a-z_]+: ")
"""The prefix of a technical reason, which people need not read."""
WAITING_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class RailLine:
    """One rail: its policy, and how many of its addresses are listed."""

    chain: str
    name: str
    mode: str
    listed: int


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """One deposit that could not be screened yet."""

    flow: str
    money: Money
    reason: str
    attempts: int
    asked_at: datetime
    due_at: datetime | None


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show all of it; `chain`, `search` and `after` choose a part of the list."""
    return _page()


@blueprint.post(f"{PLACE}/mode")
@role("admin")
def demand() -> Response:
    """Change a rail's screening policy."""
    mode = typed("mode")
    if mode not in screening.MODES:
        return _page(problem="Nothing was changed: choose one of the modes.", status=HTTPStatus.CONFLICT)
    return _change(screening.set_mode, typed("chain"), mode)


@blueprint.post(f"{PLACE}/list")
@role("admin")
def put_on() -> Response:
    """Add an address to the list."""
    entry = (typed("chain"), typed("address"), typed("reason")[:TEXT_LENGTH_MAX])
    if not entry[2]:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    return _change(screening.put_on_many, [entry])


@blueprint.post(f"{PLACE}/unlist")
@role("admin")
def take_off() -> Response:
    """Remove an address from the list."""
    reason = typed("reason")[:TEXT_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    return _change(screening.take_off, typed("chain"), typed("address"), reason=reason)


@blueprint.post(f"{PLACE}/import")
@role("admin")
def import_sheet() -> Response:
    """Import a CSV into the list; if one line is invalid, nothing is."""
    sheet = request.files.get("sheet")
    try:
        text = sheet.read().decode("utf-8-sig") if sheet else ""
        entries = screening.read_sheet(text.splitlines(keepends=True))
    except UnicodeDecodeError:
        return _page(problem="Nothing was changed: the file is not UTF-8 text.", status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except StrongroomError as refusal:
        return _refused(refusal)
    return _change(screening.put_on_many, entries)


def _change(change: Callable[..., object], *facts: Any, **more: Any) -> Response:
    parts = container()
    try:
        with parts.transaction() as session:
            change(session, *facts, now=parts.now(), by=operator(), **more)
    except StrongroomError as refusal:
        return _refused(refusal)
    return see(PLACE)


def _refused(refusal: StrongroomError) -> Response:
    return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    asked = {
        name: request.args.get(name, "")[:SEARCH_LENGTH_MAX] for name in ("chain", "search", "after", "after_chain")
    }
    with container().reading() as session:
        rows = screening.listed(
            session,
            chain=asked["chain"] or None,
            search=asked["search"],
            after=(asked["after"], asked["after_chain"]),
            limit=LISTED_PER_PAGE + 1,
        )
        values: dict[str, Any] = {"rails": _rails(session), "waiting": _waiting(session)}
    return page(
        "screening.html",
        status=status,
        problem=problem,
        asked=asked,
        listed=rows[:LISTED_PER_PAGE],
        older=_next(asked, rows),
        modes=screening.MODES,
        has_service=container().settings.screening_url is not None,
        may_change="admin" in guards.caller().roles,
        **values,
    )


def _next(asked: Mapping[str, str], rows: Sequence[ListedAddress]) -> str | None:
    if len(rows) <= LISTED_PER_PAGE:
        return None
    last = rows[LISTED_PER_PAGE - 1]
    return f"{PLACE}?{urlencode({**asked, 'after': last.address, 'after_chain': last.chain})}"


def _rails(session: Session) -> list[RailLine]:
    """The configured rails that know a payment's sender, and all that have a policy."""
    demanded, listed = screening.modes(session), screening.counts(session)
    kept = {asset.chain for asset in every_asset(session).values()}
    told = {chain for chain in kept if chain in RAILS and RAILS[chain].tells_senders}
    return [
        RailLine(
            chain,
            RAILS[chain].name if chain in RAILS else chain,
            demanded.get(chain, screening.MODES[0]),
            listed.get(chain, 0),
        )
        for chain in sorted({*told, *demanded, *listed})
    ]


def _waiting(session: Session) -> list[WaitingLine]:
    known = every_asset(session)
    return [
        WaitingLine(
            flow=short_id(deposit.flow_id),
            money=Money(deposit.amount_minor, known[deposit.asset_id], "+"),
            reason=_CODE.sub("", row.reason or ""),
            attempts=row.attempts,
            asked_at=row.checked_at,
            due_at=row.due_at,
        )
        for deposit, row in looking.waiting(session, limit=WAITING_MAX)
    ]
