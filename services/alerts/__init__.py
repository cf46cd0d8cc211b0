"""Alerts: what is wrong, since when, and who knows of it."""

from services.alerts.transitions import Severity, clear, raise_alert, standing, standing_since, stands

__all__ = ["Severity", "clear", "raise_alert", "standing", "standing_since", "stands"]
