"""The dashboard: health, late flows, movements of value, errors, and durations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages import board, heatmap, last_hour, sankey, wording
from api.pages.context import every_asset, page
from api.pages.heatmap import HeatMap
from api.pages.last_hour import LastHour
from api.pages.sankey import Sankey
from api.pages.shapes import AssetName, Board, Money
from api.possessives import for_reader
from api.request_context import container
from domain.flows import FLOW_KINDS
from domain.rails import RAILS
from services import assets, prices, rollups
from services.rollups import Error, Late, Movement, StepTimes
from wiring.container import Container

blueprint = Blueprint("dashboard", __name__)

PLACE: Final = "/operator/overwatch"
WINDOWS: Final[Mapping[str, int]] = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}
"""The windows on offer, in hours."""
LATE_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class LateLine:
    """A flow that has been in its state for too long, and what its state means."""

    flow: str
    kind: str
    state: str
    meaning: str
    sentence: str
    money: Money
    worth: str
    since: datetime
    limit: timedelta


@dataclass(frozen=True, slots=True)
class SideLine:
    """One end of a movement, as a line of its table."""

    name: str
    meaning: str
    flow_count: int
    money: Money


@dataclass(frozen=True, slots=True)
class KindLines:
    """One kind of flow in the table of a movement: both sides have the same sum."""

    kind: str
    sources: tuple[SideLine, ...]
    states: tuple[SideLine, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class AssetMovement:
    """The movements of one asset, as a drawing and as a table."""

    asset: AssetName
    rail: str
    drawing: Sankey
    kinds: tuple[KindLines, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """How long flows stayed in a state; `is_late` if more than one in ten exceeded the state table's limit."""

    times: StepTimes
    is_late: bool


@dataclass(frozen=True, slots=True)
class Overwatch:
    """The dashboard."""

    board: Board
    window: str
    since: datetime
    late: tuple[LateLine, ...]
    late_count: int
    hour: LastHour
    movements: tuple[AssetMovement, ...]
    errors: tuple[Error, ...]
    heat: HeatMap
    steps: tuple[StepLine, ...]


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show the dashboard of the last 24 hours, 7 days or 30 days (`window`), with recent durations of one `step`."""
    wanted, step = request.args.get("window", ""), last_hour.read_step(request.args.get("step", ""))
    with container().reading() as session:
        shaped = read(session, container(), wanted if wanted in WINDOWS else "24h", step)
    return page("dashboard.html", page=shaped, windows=[*WINDOWS])


def read(session: Session, parts: Container, window: str, step: tuple[str, str] | None = None) -> Overwatch:
    """The whole dashboard as of now."""
    now = parts.now()
    since = rollups.since(now, WINDOWS[window])
    known = every_asset(session)
    worth = prices.of_assets(session, assets.every(session), now=now)
    decimals = {asset.asset_id: asset.decimals for asset in known.values()}
    late, late_count = rollups.stuck(session, decimals=decimals, prices=worth, now=now, limit=LATE_MAX)
    errors = rollups.errors(session, since=since)
    moved = rollups.movements(session, since=since)
    return Overwatch(
        board=board.read(session, parts, guards.caller()),
        window=window,
        since=since,
        late=tuple(late_line(row, known[row.flow.asset_id]) for row in late),
        late_count=late_count,
        hour=last_hour.shape(rollups.last_hour(session, now=now, step=step)),
        movements=tuple(
            asset_movement(known[asset_id], list(group)) for asset_id, group in groupby(moved, lambda one: one.asset_id)
        ),
        errors=tuple(errors),
        heat=heatmap.draw(errors, hour_now=now.hour),
        steps=tuple(step_line(times) for times in rollups.steps(session, since=since)),
    )


def late_line(row: Late, asset: AssetName) -> LateLine:
    """A late flow as a line."""
    flow = row.flow
    state = FLOW_KINDS[flow.kind].states[flow.state]
    return LateLine(
        flow=flow.short_id,
        kind=flow.kind,
        state=flow.state,
        meaning=state.meaning,
        sentence=for_reader(state.sentence, is_owner=False),
        money=Money(flow.amount_minor, asset),
        worth="" if row.worth_cents is None else f"{wording.amount(row.worth_cents, 2)} {prices.FIAT}",
        since=flow.state_since,
        limit=state.time_limit or timedelta(),
    )


def asset_movement(asset: AssetName, moved: list[Movement]) -> AssetMovement:
    """The movements of one asset, of all kinds."""
    rail = RAILS[asset.chain].name if asset.chain in RAILS else asset.chain
    return AssetMovement(asset, rail, sankey.draw(moved), tuple(_kind_lines(one, asset) for one in moved))


def step_line(times: StepTimes) -> StepLine:
    """The duration of a step beside its limit."""
    limit = FLOW_KINDS[times.kind].states[times.state].time_limit
    return StepLine(times, limit is not None and (times.p90 is None or times.p90 > limit))


def _kind_lines(movement: Movement, asset: AssetName) -> KindLines:
    states = FLOW_KINDS[movement.kind].states
    return KindLines(
        movement.kind,
        tuple(SideLine(side.name, "", side.flow_count, Money(side.amount_minor, asset)) for side in movement.sources),
        tuple(
            SideLine(side.name, states[side.name].meaning, side.flow_count, Money(side.amount_minor, asset))
            for side in movement.states
        ),
        Money(sum(side.amount_minor for side in movement.states), asset),
    )
