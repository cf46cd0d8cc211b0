"""One thing that was looked at when an installation is examined."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a fact, and what to do about it when it is wrong (or merely noteworthy)."""

    subject: str
    state: Literal["ok", "note", "wrong"]
    fact: str
    remedy: str = ""
