"""How soon something that goes wrong becomes an alert, with every process of Strongroom running."""

import time
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, text

from bench.world import House
from domain.alert_rules import RULES
from domain.flows import REPLENISHMENT
from domain.ids import new_id, short_id

FAULTS: Final = 40
FIRST_AFTER_S: Final = 2.0
SPREAD_S: Final = 45.0
"""Over three rounds of looking, so that every phase of it is met."""
PATIENCE_S: Final = 120.0
LOOK_AGAIN_S: Final = 0.2
_RULE: Final = RULES["flow_stuck"]
_STATE: Final = "proposed"

_FLOW: Final = text(
    """
    INSERT INTO flows (group_id, short_id, kind, state, asset_id, amount_minor, opened_at, state_since)
    VALUES (:id, :short_id, :kind, :state, :asset_id, 1, :since, :since)
    """
)
_RAISED: Final = text(
    "SELECT service_scope, min(recorded_at) FROM ops_alerts WHERE alert_code = :code AND status = 'raised' GROUP BY 1"
)


class Faults:
    """Movements of money that become late one after another: the moment of each fault is known beforehand."""

    def __init__(self, house: House) -> None:
        """Make them; the first is late in a moment."""
        self._engine: Engine = house.engine(superuser=True)
        limit = REPLENISHMENT.states[_STATE].time_limit
        if limit is None:
            raise RuntimeError(f"nothing is ever late as {_STATE}")
        self._late_at: dict[str, datetime] = {}
        with self._engine.begin() as connection:
            now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            for number in range(FAULTS):
                flow_id = new_id()
                late_at = now + timedelta(seconds=FIRST_AFTER_S + SPREAD_S * number / FAULTS)
                row = {"id": flow_id, "short_id": short_id(flow_id), "kind": REPLENISHMENT.name, "state": _STATE}
                connection.execute(_FLOW, {**row, "asset_id": house.asset_id, "since": late_at - limit})
                self._late_at[f"flow:{flow_id}"] = late_at + _RULE.hold_for

    def waits(self) -> list[float]:
        """Wait until all are alerts; seconds from when each should be one to when it was, the shortest first."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with self._engine.connect() as connection:
                raised: dict[str, datetime] = dict(connection.execute(_RAISED, {"code": _RULE.code}).all())
            if self._late_at.keys() <= raised.keys():
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._late_at.keys() - raised.keys())} faults were not noticed")
            time.sleep(LOOK_AGAIN_S)
        self._engine.dispose()
        return sorted((raised[scope] - at).total_seconds() for scope, at in self._late_at.items())
