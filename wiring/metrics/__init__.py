"""What each process says of itself, and one of them of the whole house, to a Prometheus that asks."""
