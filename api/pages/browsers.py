"""Readable names of browsers, from their User-Agent."""

from typing import Final

# In this order: each also names those after it, for compatibility.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_LENGTH_MAX: Final = 40


def browser(user_agent: str | None) -> str:
    """The browser's name, "Firefox on Linux", or the beginning of a program's User-Agent.

    The client chooses it (RFC 9110, section 10.1.5), so nothing is decided by it.
    """
    said = user_agent or ""
    program = next((name for mark, name in _BROWSERS if mark in said), "")
    if not program:
        return said[:_LENGTH_MAX] or "no name given"
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return f"{program} on {system}" if system else program
