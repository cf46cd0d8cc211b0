"""What a browser calls itself, in the words that people have for it."""

from typing import Final

# In this order: each names those after it as well, to be served by pages that were made for them.
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
    """What signed in, from its User-Agent: "Firefox on Linux", or the beginning of a program's own name.

    It is whatever the other side says of itself (RFC 9110, section 10.1.5), so nothing is decided by it.
    """
    said = user_agent or ""
    program = next((name for mark, name in _BROWSERS if mark in said), "")
    if not program:
        return said[:_LENGTH_MAX] or "no name given"
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return f"{program} on {system}" if system else program
