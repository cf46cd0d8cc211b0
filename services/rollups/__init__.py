"""What moved, by the hour and by the minute: summed from the log of events, and read for the dashboard."""

from services.rollups.buckets import BOUNDS_S
from services.rollups.folding import fold
from services.rollups.minutes import Hour, Minute, last_hour
from services.rollups.reading import Error, Movement, Side, StepTimes, errors, movements, since, steps
from services.rollups.stuck import Late, stuck

__all__ = [
    "BOUNDS_S",
    "Error",
    "Hour",
    "Late",
    "Minute",
    "Movement",
    "Side",
    "StepTimes",
    "errors",
    "fold",
    "last_hour",
    "movements",
    "since",
    "steps",
    "stuck",
]
