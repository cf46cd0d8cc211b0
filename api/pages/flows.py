"""Search for flows: one box that takes anything, a filter form, and a line for each flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request

from api.guards import role
from api.pages import flow_clues, flow_filters, sentences
from api.pages.context import every_asset, page, see
from api.pages.flow_clues import Clue
from api.pages.flow_filters import FIELDS, STATES, TEXT_LENGTH_MAX, Filters
from api.pages.shapes import AssetName, FormField, Money
from api.request_context import container
from domain.flows import FLOW_KINDS
from domain.ids import short_id
from models.flow import Flow
from services import flow_search

blueprint = Blueprint("flows-page", __name__)

PLACE: Final = "/operator/flows"
LINES_PER_PAGE: Final = 50
_SIGNS: Final[Mapping[str, str]] = {"in": "+", "out": "-", "within": ""}
"""The sign of an amount, by the direction of its flow."""
_NAMES: Final[Mapping[str, str]] = {
    "id": "the movement of this id",
    "user": "movements of the person whose key or id it is",
    "tx_hash": "movements in the transaction of this hash",
    "address": "movements to and from this address",
}


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One flow: its amount, its state, since when, and for how long it may stay there (None once it is final)."""

    flow: str
    kind: str
    money: Money | None
    state: str
    meaning: str
    since: datetime
    limit: timedelta | None
    is_late: bool
    user_id: UUID | None
    user: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible reading of the box, and its flows."""

    words: str
    href: str


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """List the newest flows that match; with `what`, redirect to the only one that it finds."""
    what = request.args.get("what", "").strip()
    return _list() if not what else _find(what)


def _find(what: str) -> Response:
    if len(what) > TEXT_LENGTH_MAX or not what.isprintable():
        return _list(box=FormField("", ("This is no id, hash, address or key: it is too long, or no text.",)))
    with container().reading() as session:
        clues = flow_clues.follow(session, what)
        told = "" if clues else flow_clues.why_none(session, what)
    named = {flow.short_id for clue in clues for flow in clue.flows}
    if len(named) == 1:
        return see(f"/flows/{named.pop()}")
    if len(clues) == 1:
        return see(_address_of(clues[0]))
    if clues:
        return _list(box=FormField(what), choices=[Choice(_NAMES[clue.field], _address_of(clue)) for clue in clues])
    return _list(box=FormField(what, (told,)))


def _address_of(clue: Clue) -> str:
    return f"{PLACE}?{urlencode({clue.field: clue.value})}"


def _list(*, box: FormField = FormField(), choices: Sequence[Choice] = ()) -> Response:  # noqa: B008 - it is frozen
    now, before = container().now(), request.args.get("before", type=UUID)
    with container().reading() as session:
        known = every_asset(session)
        filters = flow_filters.read(session, request.args, asset_ids=known, now=now)
        rows: Sequence[Flow] = ()
        if filters.wanted is not None and not box.errors and not choices:
            rows = flow_search.search(session, filters.wanted, before=before, limit=LINES_PER_PAGE + 1)
    is_refused = bool(box.errors) or filters.wanted is None
    return page(
        "flows.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK,
        box=box,
        choices=choices,
        fields=filters.fields,
        asked=filters.asked,
        is_refused=is_refused,
        lines=[_line(row, known, now) for row in rows[:LINES_PER_PAGE]],
        more=_more(filters, rows),
        first=_link(filters) if before is not None else None,
        kinds=[(kind, sentences.kind_word(kind)) for kind in FLOW_KINDS],
        states=STATES,
        assets=[*known],
    )


def _more(filters: Filters, rows: Sequence[Flow]) -> str | None:
    return _link(filters, before=str(rows[LINES_PER_PAGE - 1].group_id)) if len(rows) > LINES_PER_PAGE else None


def _link(filters: Filters, **more: str) -> str:
    asked = {name: value for name, value in filters.asked.items() if name in FIELDS}
    return f"{PLACE}?{urlencode({**asked, **more})}"


def _line(flow: Flow, known: Mapping[str, AssetName], now: datetime) -> FlowLine:
    kind = FLOW_KINDS[flow.kind]
    limit = kind.states[flow.state].time_limit
    money = Money(flow.amount_minor, known[flow.asset_id], _SIGNS[kind.direction])
    return FlowLine(
        flow=flow.short_id,
        kind=sentences.kind_word(flow.kind),
        money=money if flow.amount_minor else None,
        state=flow.state,
        meaning=sentences.meaning(flow.kind, flow.state),
        since=flow.state_since,
        limit=limit,
        is_late=limit is not None and now - flow.state_since > limit,
        user_id=flow.user_id,
        user="" if flow.user_id is None else short_id(flow.user_id),
    )
