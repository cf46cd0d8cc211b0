"""nginx with the shipped configuration in front of real processes."""
