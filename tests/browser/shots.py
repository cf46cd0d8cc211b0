"""Screenshots of the example pages: `python -m tests.browser.shots [name…]` writes var/screenshots."""

import sys
import threading
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.chromium import launch
from tests.browser.gallery import create_gallery
from tests.browser.samples import SAMPLES

FOLDER = Path("var/screenshots")
SIZES = {"phone": 390, "desktop": 1280}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: what goes wrong shows in the browser's console."""


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = make_server("127.0.0.1", 0, create_gallery(), threaded=True, request_handler=Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for scheme in SCHEMES:
            for size, width in SIZES.items():
                context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
                page = context.new_page()
                page.on("console", lambda message: print("console:", message.text))
                for name in sys.argv[1:] or SAMPLES:
                    page.goto(f"http://127.0.0.1:{server.server_port}/sample/{name}")
                    page.screenshot(path=FOLDER / f"{name}-{size}-{scheme}.png", full_page=True)
                    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if overflow > 0:
                        print(f"{name} {size}: {overflow} px too wide")
                context.close()
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
