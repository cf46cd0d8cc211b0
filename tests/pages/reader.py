"""A signed-in user who reads pages and submits forms."""

import html
import re
from typing import IO

from werkzeug.test import TestResponse

from tests.api.house import DESTINATION, House, Person

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_TAGS = re.compile(r"<[^>]+>")


class Reader:
    """One user's browser, without rendering."""

    def __init__(self, house: House, person: Person) -> None:
        self.person = person
        self._client = house.app.test_client()
        self._client.set_cookie("session", person.token)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._client.get(path, headers={**BROWSER, **headers})

    def text(self, path: str) -> str:
        """The text of a page."""
        return words(self.get(path))

    def value(self, path: str, name: str) -> str:
        """The value of a hidden field of a page's form."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.get(path).text)
        assert found is not None, f"{path} has no field {name}"
        return html.unescape(found[1])

    def post(self, path: str, **form: str | tuple[IO[bytes], str]) -> TestResponse:
        form.setdefault("csrf_token", self.value("/", "csrf_token"))
        return self._client.post(path, data=form, headers=BROWSER)

    def withdraw(self, amount: str = "6", destination: str = DESTINATION, *, key: str = "page-1") -> TestResponse:
        return self.post("/withdraw", asset="rLTC", amount=amount, destination=destination, idempotency_key=key)


def words(answer: TestResponse) -> str:
    """The text of a response, with runs of spaces collapsed."""
    return " ".join(html.unescape(_TAGS.sub(" ", answer.text)).split())
