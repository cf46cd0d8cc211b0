"""Verifies claimed payments by asking the nodes of many chains."""
