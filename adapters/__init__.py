"""The outside world, one package per thing."""
