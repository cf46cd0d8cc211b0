"""Every page in every state: no fault that axe-core can find, no sideways scrolling, nothing refused by the policy."""

import pytest

from tests.browser.chromium import DESKTOP, PHONE, Scheme
from tests.browser.conftest import OpenWindow
from tests.browser.samples import SAMPLES

SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_has_no_faults(name: str, scheme: Scheme, gallery: str, open_window: OpenWindow) -> None:
    window = open_window(gallery, scheme=scheme)
    for width in (PHONE, DESKTOP):
        window.resize(width)
        window.page.goto(f"/sample/{name}")
        # What is folded away counts too.
        window.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
        # Two hundred equal rows have the faults of one, and take axe-core half a minute.
        assert (window.too_wide() if name.endswith("-many") else window.faults()) == []
