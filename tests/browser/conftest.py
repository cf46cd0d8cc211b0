"""A browser for every test here, and windows in it that must have nothing to complain about."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from api.app import create_app
from tests.browser.chromium import Window, launch
from tests.browser.gallery import create_gallery
from tests.browser.serving import serving
from tests.rail import Rail

OpenWindow = Callable[..., Window]
PATIENCE_MS: Final = 60_000


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers: one in a process, for it keeps an event loop."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """The example pages, served."""
    with serving(create_gallery()) as url:
        yield url


@pytest.fixture
def site(rail: Rail) -> Iterator[str]:
    """The real application over a real rail, served."""
    with serving(create_app(rail.container)) as url:
        yield url


@pytest.fixture
def open_window(browser: Browser) -> Iterator[OpenWindow]:
    """Opens windows; at the end none of their consoles may have complained, about the content policy above all."""
    opened: list[Window] = []

    def open_one(url: str, **options: Any) -> Window:
        window = Window(browser, url, **options)
        opened.append(window)
        return window

    yield open_one
    said = [text for window in opened for text in window.said]
    for window in opened:
        window.close()
    assert said == []
