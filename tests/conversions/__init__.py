"""Conversions between assets."""
