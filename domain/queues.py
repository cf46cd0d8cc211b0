"""The queues that wake-ups wait in; what belongs in which is in tasks/schedule.py."""

from typing import Final

QUEUES: Final = ("money", "watch", "scan", "verify", "notify", "upkeep")
KEY_PREFIX: Final = "strongroom:"
"""What stands before the name of everything of ours in the broker's database."""
