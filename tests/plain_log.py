"""How tests log: in plain lines, as fast as the application does and without drawing anything."""

import structlog


def log_plainly() -> None:
    """Log as every test begins. A test that has logging configured calls this when it is done.

    What structlog does by itself draws a traceback with a picture of each call's variables where rich is installed,
    as it is for schemathesis: that takes seconds.
    """
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ]
    )
