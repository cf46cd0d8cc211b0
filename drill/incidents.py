"""What is done to the house, and the watch that says how long each took to be noticed and to heal."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from sqlalchemy.exc import SQLAlchemyError

SUPERVISOR: Final = "supervisor"
"""Who notices that a process has ended: it says so in a line, and starts it again."""


def nothing() -> None:
    """What is needed to recover where the house does that by itself."""


@dataclass(frozen=True)
class Fault:
    """One way to hurt the house: what is done, what puts the world outside right again, and when it has healed.

    `healed` is asked with the moment of recovery. `noticed_by` is the alert's code, SUPERVISOR, or empty where it is
    too short for any alert: whoever is named has to notice it.
    """

    name: str
    what: str
    cause: Callable[[], None]
    healed: Callable[[datetime], bool]
    recover: Callable[[], None] = nothing
    hold_s: float = 0.0
    noticed_by: str = ""
    scope: str = ""
    """Of which scope the alert has to be; empty for any."""
    begins_early: bool = False
    """Whether it takes so long that it is caused in the first part of a drill."""
    ends_alert: bool = False
    """Whether its alert has to be over before it counts as healed."""


@dataclass
class Incident:
    """A fault that was caused."""

    fault: Fault
    caused_at: datetime
    recover_at: float
    recovered_at: datetime | None = None
    noticed_at: datetime | None = None
    healed_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to wait for."""
        return self.healed_at is not None and (self.noticed_at is not None or not self.fault.noticed_by)

    def to_json(self) -> dict[str, Any]:
        """For the report; seconds since it was caused, and None for what did not happen."""
        return {
            "fault": self.fault.name,
            "what": self.fault.what,
            "caused_at": self.caused_at.isoformat(),
            "lasted_s": self._since(self.recovered_at),
            "noticed_by": self.fault.noticed_by or None,
            "noticed_s": self._since(self.noticed_at),
            "healed_s": self._since(self.healed_at),
        }

    def _since(self, moment: datetime | None) -> float | None:
        return None if moment is None else round((moment - self.caused_at).total_seconds(), 1)


Sees = Callable[[Fault, datetime], datetime | None]
"""When, at or after a moment, a fault was noticed by whom it names."""
Stands = Callable[[Fault], bool]
"""Whether the alert of a fault still stands."""


@dataclass
class Watch:
    """Causes faults, and follows each until it is over. For one thread."""

    sees: Sees
    stands: Stands
    say: Callable[[str], None]
    incidents: list[Incident] = field(default_factory=list)

    def cause(self, fault: Fault) -> None:
        """Do it now."""
        self.say(f"{fault.name}: {fault.what}")
        caused_at = datetime.now(UTC)
        fault.cause()
        incident = Incident(fault, caused_at, time.monotonic() + fault.hold_s)
        self.incidents.append(incident)
        self._recover_due(incident)

    def look(self) -> None:
        """Put right what has lasted long enough, and see what was noticed and what has healed."""
        for incident in self.incidents:
            self._recover_due(incident)
            if incident.noticed_at is None and incident.fault.noticed_by:
                incident.noticed_at = _asked(lambda i=incident: self.sees(i.fault, i.caused_at))  # type: ignore[misc]
            if incident.healed_at is None and incident.recovered_at is not None and self._is_healed(incident):
                incident.healed_at = datetime.now(UTC)

    def is_over(self) -> bool:
        """Whether everything has healed and was noticed."""
        return all(incident.is_over for incident in self.incidents)

    def has_lasting(self) -> bool:
        """Whether the drill itself still keeps something up: cut short, it might not be noticed."""
        return any(incident.recovered_at is None for incident in self.incidents)

    def recover_all(self) -> None:
        """Put the world outside right at once."""
        for incident in self.incidents:
            incident.recover_at = 0.0
            self._recover_due(incident)

    def complaints(self) -> list[str]:
        """What never healed, and what nobody noticed."""
        found = []
        for incident in self.incidents:
            if incident.healed_at is None:
                found.append(f"{incident.fault.name} has not healed")
            if incident.fault.noticed_by and incident.noticed_at is None:
                found.append(f"{incident.fault.name} was not noticed by {incident.fault.noticed_by}")
        return found

    def _recover_due(self, incident: Incident) -> None:
        if incident.recovered_at is None and time.monotonic() >= incident.recover_at:
            incident.fault.recover()
            incident.recovered_at = datetime.now(UTC)

    def _is_healed(self, incident: Incident) -> bool:
        fault, since = incident.fault, incident.recovered_at
        if since is None or not _asked(lambda: fault.healed(since)):
            return False
        return not fault.ends_alert or bool(incident.noticed_at and _asked(lambda: not self.stands(fault)))


def _asked(question: Callable[[], Any]) -> Any:
    """The answer; None while whoever is asked is down, which is what the drill is about."""
    try:
        return question()
    except (httpx.TransportError, SQLAlchemyError, OSError):
        return None
