"""Behaviour of the whole, on real parts."""
