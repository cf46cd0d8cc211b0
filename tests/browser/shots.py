"""Screenshots of the example pages: `python -m tests.browser.shots [name…]` writes var/screenshots."""

import sys
from pathlib import Path

from tests.browser.chromium import DESKTOP, PHONE, Scheme, Window, running
from tests.browser.gallery import create_gallery
from tests.browser.samples import SAMPLES
from tests.browser.serving import serving

FOLDER = Path("var/screenshots")
SIZES = {"phone": PHONE, "desktop": DESKTOP}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving(create_gallery()) as url, running() as browser:
        for scheme in SCHEMES:
            window = Window(browser, url, scheme=scheme)
            for name in sys.argv[1:] or SAMPLES:
                window.page.goto(f"/sample/{name}")
                for size, width in SIZES.items():
                    window.resize(width)
                    window.page.screenshot(path=FOLDER / f"{name}-{size}-{scheme}.png", full_page=True)
            print("\n".join(window.said), end="")
            window.close()


if __name__ == "__main__":
    main()
