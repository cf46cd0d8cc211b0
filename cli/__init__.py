"""Operator's edge: python -m cli."""
