"""The bounds between which waits are counted, and the percentiles that such counts give."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

BOUNDS_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86400, 7 * 86400)
"""In seconds. Bucket n counts waits below bound n and not below the one before; never change them, only start anew."""


def percentile(counts: Mapping[int, int], share: float) -> timedelta | None:
    """The bound below which at least this share of the waits was; None when it is beyond the last."""
    needed, seen = math.ceil(share * sum(counts.values())), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= needed:
            return timedelta(seconds=BOUNDS_S[bucket]) if bucket < len(BOUNDS_S) else None
    return None
