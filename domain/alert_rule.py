"""What a rule for alerts consists of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

AT_ONCE: Final = timedelta(0)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
ROUND: Final = timedelta(seconds=15)
NODATA: Final = "nodata:"
"""Prefix of the scope of an alert that says that a rule has no answer."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One kind of alert.

    It fires once its condition has held for `hold_for`, and clears once the condition has been absent for `clear_for`.
    `threshold` is the number that `meaning` speaks of. A rule that is not `is_evaluated` is raised and cleared by the
    code that notices the condition. While an alert of `inhibited_by` stands that explains a finding, the finding is
    ignored. `every` is the time between two evaluations. A scope is `noun:id`. An alert that `may_be_settled` also ends
    when an operator says that it was dealt with: its condition cannot end by itself, or is evaluated so often that the
    alert would be raised again.
    """

    code: str
    severity: Literal["info", "warning", "critical"]
    scope: str
    meaning: str
    cause: str
    what_to_do: str
    threshold: int = 0
    hold_for: timedelta = AT_ONCE
    clear_for: timedelta = AT_ONCE
    inhibited_by: tuple[str, ...] = ()
    is_evaluated: bool = True
    may_be_settled: bool = False
    every: timedelta = ROUND

    def host_of(self, scope: str) -> str | None:
        """The one host that can evaluate this scope, if the scope is about a host."""
        noun, _, told = scope.removeprefix(NODATA).partition(":")
        return told if f"{noun}:<host>" in self.scope.split(", ") else None

    def ends_by_word(self, scope: str) -> bool:
        """Whether an operator may say that the alert of this scope is over.

        They may for a rule that `may_be_settled`, for a host (it may be gone for good), and for a scope whose form only
        an earlier version used.
        """
        noun, _, told = scope.removeprefix(NODATA).partition(":")
        is_of_now = bool(told) and noun in {form.partition(":")[0] for form in self.scope.split(", ")}
        return self.may_be_settled or self.host_of(scope) is not None or not is_of_now
