"""What happened, as it is told to others."""

from services.events.shape import ALERT, FLOW, FUNDING, SOURCES, Event, Position

__all__ = ["ALERT", "FLOW", "FUNDING", "SOURCES", "Event", "Position"]
