"""A client library that we did not write walks through the running provider."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright._impl._driver import compute_driver_executable

from tests.api.house import House, Person
from tests.application import application_of
from tests.browser.serving import serving
from wiring.embedded.redis import free_port

WALK = Path(__file__).parent / "walker" / "walk.mjs"
SECONDS_MAX = 120


def consent(browser: httpx.Client, url: str) -> str:
    """The user allows what the page asks; where the browser is sent."""
    page = browser.get(url)
    assert "Let <bdi>Walker</bdi> act for you?" in page.text
    answer = browser.post(url, data={"decision": "allow"})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def approve_device(browser: httpx.Client, url: str) -> str:
    assert "Let <bdi>Tool</bdi> act for you?" in browser.get(url).text
    code = parse_qs(urlsplit(url).query)["user_code"][0]
    answer = browser.post("/device", data={"user_code": code, "decision": "allow"})
    assert answer.status_code == 200, answer.text
    return "approved"


def test_oauth4webapi_walks_through_the_provider(own_house: House) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    parts = replace(own_house.container, settings=replace(own_house.container.settings, public_url=issuer))
    person = own_house.person()
    with serving(application_of(parts), port=port):
        told = walk(issuer, person)
    assert told == ["consent", "consent", "device", "done"]


def walk(issuer: str, person: Person) -> list[str]:
    told: list[str] = []
    browser = httpx.Client(base_url=issuer, cookies={"session": person.token}, headers={"Origin": issuer})
    command = [str(compute_driver_executable()[0]), str(WALK), issuer, person.token]
    with (
        browser,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as node,
    ):
        assert node.stdin is not None
        assert node.stdout is not None
        assert node.stderr is not None
        for line in node.stdout:
            [(what, value)] = json.loads(line).items()
            told.append(what)
            if what == "done":
                break
            answer = consent(browser, value) if what == "consent" else approve_device(browser, value)
            node.stdin.write(answer + "\n")
            node.stdin.flush()
        said = node.stderr.read()
        assert node.wait(SECONDS_MAX) == 0, said
    return told
