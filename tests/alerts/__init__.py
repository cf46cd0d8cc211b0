"""Alerts: each is raised and cleared on real parts."""
