"""The dashboard: its drawings conserve value, its figures are those of the sums, and a quiet night is nearly empty."""

import random
from datetime import timedelta

import pytest

from api.pages import heatmap, sankey
from domain.actor import Actor
from domain.flows import DEPOSIT, WITHDRAWAL
from services import flows, rollups
from services.flows import Opening, Step
from services.rollups import Error, Movement, Side
from tests import horizon
from tests.api.house import ASSET, House
from tests.pages.reader import Reader

BY = Actor("test")
PLACE = "/operator/overwatch"


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at everything that moved."""
    return own_house


def shares(dice: random.Random, total: int, names: list[str]) -> tuple[Side, ...]:
    cuts = sorted(dice.randrange(total) for _ in names[1:])
    return tuple(
        Side(name, 1, end - start, is_open=False)
        for name, start, end in zip(names, [0, *cuts], [*cuts, total], strict=True)
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_enters_a_bar_leaves_it_or_stands_there(seed: int) -> None:
    dice = random.Random(seed)
    drawn = sankey.draw(
        [
            Movement(ASSET, kind.name, shares(dice, total, ["opened", "under way before"]), shares(dice, total, ends))
            for kind, total, ends in (
                (DEPOSIT, dice.randrange(1, 10**24), ["seen", "credited"]),
                (WITHDRAWAL, dice.randrange(1, 10**24), ["completed", "failed", "uncertain"]),
            )
        ]
    )
    columns = {x: sum(bar.amount_minor for bar in drawn.bars if bar.x == x) for x in {bar.x for bar in drawn.bars}}
    assert len(columns) == 3
    assert len(set(columns.values())) == 1
    assert sum(band.amount_minor for band in drawn.bands) == 2 * columns[0]
    assert all(bar.y + bar.height <= drawn.height + 1 for bar in drawn.bars)


def test_the_heat_map_ends_with_the_present_hour_and_says_more_with_larger_squares() -> None:
    drawn = heatmap.draw([Error("deposit", 3, "replaced", 9), Error("deposit", 2, "lost", 1)], hour_now=3)
    [row] = drawn.rows
    assert [cell.count for cell in row.cells[-3:]] == [0, 1, 9]
    assert row.cells[-1].size > row.cells[-2].size > row.cells[-3].size
    assert row.count == 10


def test_a_quiet_night_is_nearly_empty(house: House, approver: Reader) -> None:
    shown = approver.text(PLACE)
    assert "Nothing moved." in shown
    assert "How long steps took" not in shown
    assert "by hour" not in shown


def test_what_moved_is_late_and_went_wrong_is_shown(house: House, approver: Reader) -> None:
    now = house.container.now()
    with house.container.transaction() as session:
        opening = Opening(WITHDRAWAL, "requested", None, ASSET, 250_000_000)
        late = flows.open_one(session, opening, now=now - timedelta(days=2), by=BY, then="pending_approval")
        lost = flows.open_one(session, opening, now=now, by=BY, then="pending_approval")
        flows.record(session, Step(lost, WITHDRAWAL, "pending_approval", "rejected"), now=now, by=BY)
    horizon.reached(house.container.engine)
    with house.container.transaction() as session:
        assert rollups.fold(session, owner="test", now=now) == 5
    shown = approver.text(PLACE)
    assert "Stuck (1)" in shown
    assert "under way before" in shown
    assert "What went wrong, by hour" in shown
    assert "withdrawal: pending approval" in shown
    assert "under way before" not in approver.text(f"{PLACE}?window=7d")
    assert f"/flows/{late}" not in shown  # short ids only


def test_only_operators_see_it(house: House, owner: Reader) -> None:
    assert owner.get(PLACE).status_code == 403
