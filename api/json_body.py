"""Bodies of JSON that strangers send."""

import json
from collections.abc import Callable
from typing import Any, Final

BRACKETS_MAX: Final = 1000
"""No request of ours has nearly as many, and the parser descends into each: tens of thousands could end the process."""


def parse(raw: bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """What a body says. Raises ValueError for what is no JSON, or nested beyond all reason."""
    if raw.count(b"[") + raw.count(b"{") > BRACKETS_MAX:
        raise ValueError("there are too many brackets")
    try:
        return json.loads(raw, parse_constant=parse_constant)
    except RecursionError as fault:
        raise ValueError("it is nested too deep") from fault
