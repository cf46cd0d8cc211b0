"""Every page in every state: no fault that axe-core can find, no sideways scrolling, nothing refused by the policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import AXE, DESKTOP, PHONE, Window
from tests.browser.samples import SAMPLES

# What axe-core says of colours. All of its other rules are about what the schemes have in common.
ABOUT_COLOURS = ("color-contrast", "link-in-text-block")
# What the rules for one scheme alone declare, by the name of each property.
OF_SCHEMES = """Array.from(document.styleSheets, sheet => Array.from(sheet.cssRules)).flat()
    .filter(rule => rule instanceof CSSMediaRule && rule.conditionText.includes('prefers-color-scheme'))
    .flatMap(scheme => Array.from(scheme.cssRules)).flatMap(rule => Array.from(rule.style))"""


@pytest.fixture(scope="module")
def window(browser: Browser, gallery: str) -> Iterator[Window]:
    """One window for all pages: a new one costs more than all that is looked at in it."""
    # A change of colours is otherwise a movement, and axe-core would see its beginning.
    opened = Window(browser, gallery, reduced_motion="reduce")
    opened.page.add_init_script(path=AXE)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_page_has_no_faults(name: str, window: Window) -> None:
    window.said.clear()
    window.resize(PHONE)
    window.show(scheme="light")
    window.page.goto(f"/sample/{name}")
    # What is folded away counts too.
    window.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    # Two hundred equal rows have the faults of one, and take axe-core half a minute.
    is_long = name.endswith("-many")
    for width in (PHONE, DESKTOP):
        window.resize(width)
        assert (window.too_wide() if is_long else window.faults()) == []
    if not is_long:
        window.show(scheme="dark")
        for width in (DESKTOP, PHONE):
            window.resize(width)
            assert window.faults(*ABOUT_COLOURS) == []
    assert window.said == []


def test_a_scheme_is_colours_and_nothing_else(window: Window) -> None:
    """Why a page has to be looked at as a whole in one of them alone."""
    window.page.goto("/sample/home")
    declared = set(window.page.evaluate(OF_SCHEMES))
    assert "--surface" in declared
    assert {name for name in declared if not name.startswith("--")} == {"color-scheme"}
