"""How long the dashboard of a day with a million flows takes, its sums made by the task that always makes them."""

import time
from statistics import median
from typing import Any, Final

from sqlalchemy import text
from werkzeug.test import Client

from api.app import create_app
from api.pages.sentences import kind_word
from auth import roles
from bench import people
from bench.world import House, World
from tasks import rollups
from wiring.container import Container

FLOWS: Final = 1_000_000
LOOKS: Final = 15
PAGE: Final = "/operator/overwatch"

# A day of a busy house: of a hundred flows 85 are transfers between its users, twelve deposits, three withdrawals; some
# stay for longer than they may.
_FLOWS: Final = """
INSERT INTO flows (group_id, short_id, kind, state, user_id, asset_id, amount_minor, opened_at, state_since, closed_at)
SELECT id, 'b' || n, kind, state, NULL, '{asset}', 1 + n % 100000, opened, opened + took,
    CASE WHEN state IN ('completed', 'credited', 'rejected') THEN opened + took END
FROM (
    SELECT n, uuidv7() AS id, moment AS opened, make_interval(secs => 1 + n * 7 % 600) AS took,
        CASE WHEN n % 100 < 85 THEN 'internal_transfer' WHEN n % 100 < 97 THEN 'deposit' ELSE 'withdrawal' END AS kind,
        CASE WHEN n % 100 < 85 THEN 'completed'
            WHEN n % 100 < 97 THEN CASE WHEN n % 20000 = 90 THEN 'seen' ELSE 'credited' END
            WHEN n % 20000 = 97 THEN 'pending_approval' WHEN n % 500 = 98 THEN 'rejected' ELSE 'completed' END AS state
    FROM generate_series({first}, {last}) AS n,
        LATERAL (SELECT now() - make_interval(secs => 600 + n * 61 % 82800) AS moment) AS opening
) AS made
"""
# Each flow's way to where it is, as its table has it.
_EVENTS: Final = """
INSERT INTO flow_events (group_id, from_state, state, at, actor, correlation_id, detail)
SELECT flow.group_id, path.steps[place - 1], path.steps[place],
    opened_at + (state_since - opened_at) * ((place - 1)::float8 / greatest(cardinality(path.steps) - 1, 1)),
    'bench', NULL, '{}'
FROM flows AS flow, LATERAL (
    SELECT CASE
        WHEN kind = 'internal_transfer' THEN ARRAY['completed']
        WHEN state = 'credited' THEN ARRAY['seen', 'confirming', 'credited']
        WHEN kind = 'deposit' THEN ARRAY['seen']
        WHEN state = 'completed' THEN ARRAY['requested', 'approved', 'signed', 'broadcast', 'confirming', 'completed']
        WHEN state = 'rejected' THEN ARRAY['requested', 'pending_approval', 'rejected']
        ELSE ARRAY['requested', 'pending_approval'] END AS steps
) AS path, generate_series(1, cardinality(path.steps)) AS place
"""


def dashboard(world: World) -> dict[str, float]:
    """Milliseconds in which the process that serves it renders the dashboard: the median, and the slowest."""
    house = world.house("dashboard")
    _load(house)
    with house.container() as container:
        began = time.perf_counter()
        counted = _fold(container)
        fold_s = time.perf_counter() - began
        house.analyse("flow_rollups", "flow_stocks")
        took_ms = sorted(_looks(container, house))
    return {
        "dashboard_ms_1m": median(took_ms),
        "dashboard_slowest_ms_1m": took_ms[-1],
        "rollup_events_per_s": counted / fold_s,
    }


def _load(house: House) -> None:
    """The rows as recording would have left them, in sets: the constraints are not looked at row by row."""
    engine = house.engine(superuser=True)
    # Without parameters the driver does not look for placeholders, so that a % stays one.
    with engine.execution_options(no_parameters=True).begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(_FLOWS.format(asset=house.asset_id, first=1, last=FLOWS))
        connection.exec_driver_sql(_EVENTS)
    engine.dispose()
    house.analyse("flows", "flow_events")


def _fold(container: Container) -> int:
    """Have the task count until nothing is left; how many events there were."""
    counted = 0
    while found := rollups.fold_some(container):
        counted += found
    with container.reading() as session:
        opened = session.execute(text("SELECT sum(move_count) FROM flow_rollups WHERE from_state = ''")).scalar_one()
    if opened != FLOWS:
        raise RuntimeError(f"{opened} of {FLOWS} flows were counted")
    return counted


def _looks(container: Container, house: House) -> list[float]:
    [operator] = people.settle(container, 1, asset_id=house.asset_id, amount_minor=1)
    with container.transaction() as session:
        roles.grant(session, operator.user_id, "viewer", now=container.now(), by="bench")
    browser = Client(create_app(container))
    headers = {"Authorization": f"Bearer {operator.token}"}
    return [_look(browser, headers) for _ in range(LOOKS + 1)][1:]


def _look(browser: Client, headers: dict[str, Any]) -> float:
    started = time.perf_counter()
    answer = browser.get(PAGE, headers=headers)
    took_s = time.perf_counter() - started
    if answer.status_code != 200 or f"{kind_word('internal_transfer')}: " not in answer.text.lower():
        raise RuntimeError(f"the dashboard was answered {answer.status}: {answer.text[:300]}")
    return took_s * 1000
