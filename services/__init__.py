"""Use cases: functions of a session and facts that never commit and never touch the network."""
