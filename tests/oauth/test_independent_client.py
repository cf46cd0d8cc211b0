"""A client library that we did not write walks through the running provider."""

import fcntl
import json
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.app import create_app
from tests.api.house import House, Person
from tests.browser.serving import serving

WALKER = Path(__file__).parent / "walker"
INSTALLED = Path(__file__).parent.parent.parent / "var" / "walker"
SECONDS_MAX = 120


@pytest.fixture(scope="session")
def walker() -> Path:
    """The walk, with its library installed under ./var, once for each version."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (WALKER / "package.json").read_text()
        done = INSTALLED / "installed.json"
        if not done.exists() or done.read_text() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(WALKER / name, INSTALLED / name)
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=INSTALLED, check=True)
            done.write_text(wanted)
        shutil.copyfile(WALKER / "walk.mjs", INSTALLED / "walk.mjs")
    return INSTALLED / "walk.mjs"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def consent(browser: httpx.Client, url: str) -> str:
    """The user allows what the page asks; where the browser is sent."""
    page = browser.get(url)
    assert "Let Walker act for you?" in page.text
    answer = browser.post(url, data={"decision": "allow"})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def approve_device(browser: httpx.Client, url: str) -> str:
    assert "Let Tool act for you?" in browser.get(url).text
    code = parse_qs(urlsplit(url).query)["user_code"][0]
    answer = browser.post("/device", data={"user_code": code, "decision": "allow"})
    assert answer.status_code == 200, answer.text
    return "approved"


def test_oauth4webapi_walks_through_the_provider(own_house: House, walker: Path) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    parts = replace(own_house.container, settings=replace(own_house.container.settings, public_url=issuer))
    person = own_house.person()
    with serving(create_app(parts), port=port):
        told = walk(walker, issuer, person)
    assert told == ["consent", "device", "done"]


def walk(walker: Path, issuer: str, person: Person) -> list[str]:
    told: list[str] = []
    browser = httpx.Client(base_url=issuer, cookies={"session": person.token}, headers={"Origin": issuer})
    command = ["node", str(walker), issuer, person.token]
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
