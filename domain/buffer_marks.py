"""When a buffer is low and when it is not any more: two marks, so that an amount near one of them does not flicker."""


def is_low(spendable_minor: int, *, low_minor: int, high_minor: int, was_low: bool) -> bool:
    """A buffer is low below the low mark, and stays low until it reaches the high mark."""
    if spendable_minor < low_minor:
        return True
    return was_low and spendable_minor < high_minor


def wanted_minor(spendable_minor: int, *, high_minor: int) -> int:
    """How much is missing up to the high mark; 0 when nothing is."""
    return max(0, high_minor - spendable_minor)
