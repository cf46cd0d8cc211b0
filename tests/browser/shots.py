"""Screenshots of the example pages: `python -m tests.browser.shots [name…]` writes var/screenshots."""

import sys
from pathlib import Path

from tests.browser.chromium import DESKTOP, PHONE, Scheme, Window, running
from tests.browser.gallery import create_gallery
from tests.browser.samples import SAMPLES
from tests.browser.serving import serving

FOLDER = Path("var/screenshots")
SIZES = {"phone": PHONE, "desktop": DESKTOP}
# What chat.js shows during a call, which needs two people: tests/browser/test_live.py has them.
CALLING = """() => {
  for (const id of ["call", "call-end", "theirs", "mine"]) document.getElementById(id).hidden = false;
  document.getElementById("call-words").textContent = "You are talking to 032639…8b3c.";
}"""
RINGING = """() => {
  for (const id of ["call", "call-take", "call-end"]) document.getElementById(id).hidden = false;
  document.getElementById("call-words").textContent = "032639…8b3c calls you.";
}"""
LIVELY = {"chat-thread": {"chat-call": CALLING, "chat-ringing": RINGING}}
"""Pictures besides those of a page as it comes: their names, and what is done to the page before."""
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving(create_gallery()) as url, running() as browser:
        for scheme in SCHEMES:
            window = Window(browser, url, scheme=scheme)
            for name in sys.argv[1:] or SAMPLES:
                window.page.goto(f"/sample/{name}")
                shoot(window, name, scheme)
                for picture, change in LIVELY.get(name, {}).items():
                    window.page.goto(f"/sample/{name}")
                    window.page.evaluate(change)
                    shoot(window, picture, scheme)
            print("\n".join(window.said), end="")
            window.close()


def shoot(window: Window, name: str, scheme: Scheme) -> None:
    """Take the page as it stands, on a phone and on a desk."""
    for size, width in SIZES.items():
        window.resize(width)
        window.page.screenshot(path=FOLDER / f"{name}-{size}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main()
