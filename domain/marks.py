"""When a buffer is low, and when it is no longer: two marks, so that an amount near one of them does not flicker."""


def is_low(spendable_minor: int, *, low_minor: int, high_minor: int, was_low: bool) -> bool:
    """Below the low mark it is low; it stays low until the high mark is reached."""
    if spendable_minor < low_minor:
        return True
    return was_low and spendable_minor < high_minor


def wanted_minor(spendable_minor: int, *, high_minor: int) -> int:
    """How much brings a buffer back to its high mark; 0 when it has that."""
    return max(0, high_minor - spendable_minor)
