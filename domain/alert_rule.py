"""What a rule for alerts consists of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

AT_ONCE: Final = timedelta(0)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
ROUND: Final = timedelta(seconds=15)
NODATA: Final = "nodata:"
"""What the scope of an alert begins with that says that there is no answer."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One kind of alert.

    It fires after `hold_for` of being bad and is over after `clear_for` of being good; `threshold` is in the words of
    `meaning`. A rule that is not `is_evaluated` is raised and cleared where the thing happens. While an alert of
    `inhibited_by` stands that explains a finding, the finding is not judged. `every` is the time between two looks.
    A scope is `noun:id`. What `may_be_settled` is over, too, when somebody says so: it has happened once and for all,
    or is looked at so often that it would be raised again.
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
        """The host that alone can say how this scope is, if it is one of a host."""
        noun, _, told = scope.removeprefix(NODATA).partition(":")
        return told if f"{noun}:<host>" in self.scope.split(", ") else None

    def ends_by_word(self, scope: str) -> bool:
        """Whether somebody may say that the alert of this scope is over.

        That is so for what `may_be_settled`, for a host, which may be gone for good, and for a scope of a form that an
        earlier version used.
        """
        noun, _, told = scope.removeprefix(NODATA).partition(":")
        is_of_now = bool(told) and noun in {form.partition(":")[0] for form in self.scope.split(", ")}
        return self.may_be_settled or self.host_of(scope) is not None or not is_of_now
