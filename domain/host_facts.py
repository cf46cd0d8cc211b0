"""What a machine and its surroundings say of themselves; None is what could not be found out."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One look at the host, by its name. `certificate_ends_at` is None, too, where no certificate is served."""

    host: str
    disk_free_percent: float | None = None
    memory_used_percent: float | None = None
    redis_answers: bool | None = None
    serves_https: bool = False
    certificate_ends_at: datetime | None = None
