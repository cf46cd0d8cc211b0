"""Publishers that need no broker."""

from collections.abc import Iterable


class NullPublisher:
    """Wakes nobody: for tests and for commands that leave the work to the sweepers."""

    def wake(self, names: Iterable[str]) -> None:
        """Do nothing; what was promised is in the outbox."""
