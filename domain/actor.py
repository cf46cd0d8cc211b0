"""Who does something, and what of their request belongs on record."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """The doer of one decision: a person, an operator or a task.

    `name` is what records show: "user:<short id>", "operator:<short id>", "app:<client id>",
    "task:deposits.credit" or "cli".
    """

    name: str
    user_id: UUID | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    grant_id: UUID | None = None
    """The grant under which an app does it for the user."""
