"""What deploy/ ships, tried where it can be."""
