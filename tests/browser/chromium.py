"""The system's Chromium, driven by Playwright, and one person's window in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = Path(__file__).parent / "vendor" / "axe.js"
# Only what is wrong leaves the browser: all the rest is a hundred times as much. No page here plays anything by itself.
LOOK = """async rules => {
    const runOnly = rules.length ? {runOnly: rules} : {};
    const told = {resultTypes: ['violations'], selectors: false, elementRef: false};
    const found = await axe.run(document, {...told, preload: false, ...runOnly});
    return found.violations.flatMap(
        rule => rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`));
}"""
PHONE = 390
DESKTOP = 1280
Scheme = Literal["light", "dark"]
# A camera that draws five pictures a second, a microphone that beeps, and nobody to ask whether they may.
_DEVICES = ("--use-fake-device-for-media-stream=fps=5", "--use-fake-ui-for-media-stream")


@contextmanager
def running() -> Iterator[Browser]:
    """A headless browser for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright) -> Browser:
    """A headless browser: the one on PATH, so that no download is needed. Raises RuntimeError when there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise RuntimeError("no Chromium on PATH: on Debian, install the package 'chromium'")
    # Chromium's sandbox cannot be set up by root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=[*arguments, *_DEVICES, "--disable-dev-shm-usage"])


class Window:
    """One person's window: a page with cookies of its own, and everything that its console said."""

    def __init__(self, browser: Browser, url: str = "", *, scheme: Scheme = "light", **options: Any) -> None:
        options.setdefault("viewport", {"width": PHONE, "height": 800})
        self._context = browser.new_context(base_url=url, color_scheme=scheme, **options)
        self.page: Page = self._context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})

    def show(self, *, scheme: Scheme) -> None:
        self.page.emulate_media(color_scheme=scheme)

    def faults(self, *rules: str) -> list[str]:
        """What axe-core finds wrong with the page as it stands, by these rules or all, and how much too wide it is."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(LOOK, list(rules))
        return [*found, *self.too_wide()]

    def too_wide(self) -> list[str]:
        """By how much the page is wider than its window, if it is."""
        overflow = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [f"{overflow} px too wide"] if overflow > 0 else []

    def close(self) -> None:
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        # A form that is shown again with what was wrong is answered with 422 or 409: to the console, an error.
        is_refusal = "status of 422" in message.text or "status of 409" in message.text
        # Most tests serve no sockets; pages then poll, and the browser says aloud what it could not reach.
        is_socket = "/socket.io/" in message.text or "/socket.io/" in message.location["url"]
        if message.type in {"error", "warning"} and not is_refusal and not is_socket:
            self.said.append(message.text)
