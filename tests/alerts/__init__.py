"""Alerts: each is brought about and taken back on real parts."""
