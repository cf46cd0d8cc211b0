"""How the stream of the looking glass ticks; apart from it, because that makes an application when it is imported."""

from typing import Final

TICKS: Final = 3
TICK_EVERY_S: Final = 0.4
