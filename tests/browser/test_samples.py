"""Every page in every state: no fault that axe-core can find, no sideways scrolling, nothing refused by the policy."""

from collections.abc import Iterator, Mapping

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import DESKTOP, PHONE, Scheme, Window
from tests.browser.samples import SAMPLES

SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="session")
def windows(browser: Browser, gallery: str) -> Iterator[Mapping[Scheme, Window]]:
    """One window of each scheme for all pages: a new one costs more than all that is looked at in it."""
    opened = {scheme: Window(browser, gallery, scheme=scheme) for scheme in SCHEMES}
    yield opened
    for window in opened.values():
        window.close()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_has_no_faults(name: str, scheme: Scheme, windows: Mapping[Scheme, Window]) -> None:
    window = windows[scheme]
    window.said.clear()
    for width in (PHONE, DESKTOP):
        window.resize(width)
        window.page.goto(f"/sample/{name}")
        # What is folded away counts too.
        window.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        # Two hundred equal rows have the faults of one, and take axe-core half a minute.
        assert (window.too_wide() if name.endswith("-many") else window.faults()) == []
    assert window.said == []
