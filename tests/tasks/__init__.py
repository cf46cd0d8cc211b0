"""Tasks on real parts."""
