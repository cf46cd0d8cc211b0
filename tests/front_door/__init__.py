"""nginx in front of real processes, as it is shipped."""
