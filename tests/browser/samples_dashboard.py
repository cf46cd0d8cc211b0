"""Example pages of the dashboard: a bad night, a quiet one, and more than fits."""

from datetime import timedelta
from typing import Any

from api.pages import heatmap, last_hour
from api.pages.dashboard import LateLine, Overwatch, asset_movement, step_line
from api.pages.shapes import AssetName, Board, Money
from domain.flows import FLOW_KINDS, WITHDRAWAL
from services.rollups import Error, Hour, Minute, Movement, Side, StepTimes
from tests.browser.facts import BTC, COIN, NOW, SHORT, ago
from tests.browser.samples_operator import operator

WINDOWS = ["24h", "7d", "30d"]


def _late(asset: AssetName, amount_minor: int, worth: str = "", flow: str = SHORT) -> LateLine:
    state = WITHDRAWAL.states["uncertain"]
    return LateLine(
        flow, "withdrawal", "uncertain", state.meaning, state.sentence, Money(amount_minor, asset), worth,
        ago(hours=5), state.time_limit or timedelta(),
    )  # fmt: skip


def _moved(asset: AssetName, unit: int) -> list[Movement]:
    return [
        Movement(
            asset.asset_id,
            "deposit",
            (Side("opened", 812, 61 * unit, is_open=False), Side("under way before", 9, 4 * unit, is_open=True)),
            (
                Side("credited", 790, 60 * unit, is_open=False),
                Side("seen", 30, 4 * unit, is_open=True),
                Side("confirming", 1, unit, is_open=True),
            ),
        ),
        Movement(
            asset.asset_id,
            "withdrawal",
            (Side("opened", 95, 22 * unit + 1, is_open=False), Side("under way before", 3, unit, is_open=True)),
            (
                Side("pending_approval", 2, 6 * unit, is_open=True),
                Side("uncertain", 1, unit, is_open=True),
                Side("completed", 90, 14 * unit, is_open=False),
                Side("rejected", 5, 2 * unit + 1, is_open=False),
            ),
        ),
        Movement(
            asset.asset_id,
            "internal_transfer",
            (Side("opened", 4000, 9 * unit, is_open=False),),
            (Side("completed", 4000, 9 * unit, is_open=False),),
        ),
    ]


def _hour(count: int = 60) -> Hour:
    """An hour in which much came in, little went out, and signing became slow."""
    minutes = tuple(
        Minute(
            ago(minutes=back),
            {"deposit": 40 + back % 7 * 3, "withdrawal": 12 - back // 6, "internal_transfer": back % 5},
            9 if back % 4 else 0,
            timedelta(seconds=(0.25, 0.5, 1, 60)[back * 3 // 60 if back else 3]) if back % 4 else None,
            timedelta(seconds=(900, 60, 10, 2.5)[min(3, back // 8)]) if back % 4 and back != 1 else None,
        )
        for back in reversed(range(count))
    )
    step = ("withdrawal", "signed")
    return Hour(ago(minutes=59), minutes, step if count else None, (("deposit", "seen"), step) if count else ())


def _page(board: Board, **more: Any) -> dict[str, Any]:
    errors = more.pop("errors", ())
    facts: dict[str, Any] = {
        "board": board, "window": "24h", "since": ago(hours=23, minutes=30), "late": (), "late_count": 0,
        "hour": last_hour.shape(_hour(0)), "movements": (), "errors": errors, "steps": (),
        "heat": heatmap.draw(errors, hour_now=NOW.hour),
    }  # fmt: skip
    return {"page": Overwatch(**{**facts, **more}), "windows": WINDOWS}


def bad_night() -> dict[str, Any]:
    errors = [
        Error("deposit", 3, "replaced", 2),
        Error("deposit", 4, "replaced", 11),
        Error("withdrawal", 13, "uncertain", 1),
        Error("withdrawal", 14, "failed", 40),
    ]
    late = (_late(BTC, 1_000_000_000, "640120.00 USD"), _late(COIN, 123_456_789_012_345_678_901_234, flow="5f6g7h8j9k"))
    second = timedelta(seconds=1)
    steps = (
        StepTimes("deposit", "seen", 812, 900 * second, 3600 * second, None),
        StepTimes("withdrawal", "signed", 91, 0.5 * second, second, 900 * second),
        StepTimes("withdrawal", "pending_approval", 91, 3600 * second, None, None),
    )
    return _page(
        operator()["page"],
        late=late,
        late_count=2,
        hour=last_hour.shape(_hour()),
        movements=(
            asset_movement(BTC, _moved(BTC, 10**8)),
            asset_movement(COIN, _moved(COIN, 10**18 + 123_456_789_012_345_678)),
        ),
        errors=errors,
        steps=tuple(step_line(times) for times in steps),
    )


def quiet_night() -> dict[str, Any]:
    full = operator()["page"]
    return _page(Board(full.health[:1], (), (), (), (), (), may_decide=True))


def many() -> dict[str, Any]:
    steps = tuple(
        step_line(StepTimes(kind.name, state, 10**9, timedelta(days=1), timedelta(days=7), None))
        for kind in FLOW_KINDS.values()
        for state in kind.states
    )
    late = tuple(_late((BTC, COIN)[index % 2], 10 ** (index % 24), flow=f"5f6g7h8{index:03}") for index in range(200))
    return _page(operator()["page"], late=late, late_count=12_345, steps=steps)


DASHBOARDS = {
    "overwatch": ("dashboard.html", True, bad_night),
    "overwatch-quiet": ("dashboard.html", True, quiet_night),
    "overwatch-many": ("dashboard.html", True, many),
}
