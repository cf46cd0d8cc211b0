"""Static files: vendored unchanged, kept for ever under their hash, small on the wire."""

import hashlib
import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.pages.assets import FOLDER, StaticFiles, blueprint

VENDORED = (FOLDER / "vendor", Path(__file__).parent.parent / "browser" / "vendor")
FIRST_PAGE = ("pages.css", "vendor/htmx.js", "strongroom.js", "icon.svg")


@pytest.fixture
def files() -> StaticFiles:
    return StaticFiles()


@pytest.fixture
def client(files: StaticFiles) -> FlaskClient:
    app = Flask("static", static_folder=None)
    app.register_blueprint(blueprint(files))
    return app.test_client()


@pytest.mark.parametrize("folder", VENDORED, ids=("pages", "tests"))
def test_what_is_vendored_is_what_was_published(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest
    for name, asset in manifest.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == asset["sha256"]
        assert asset["version"] in (FOLDER.parent.parent / "package.json").read_text()
        assert (folder / asset["licence"]).read_text()


def test_a_file_is_kept_for_ever_under_its_hash(files: StaticFiles, client: FlaskClient) -> None:
    answer = client.get(files.url("strongroom.css"))
    assert answer.status_code == 200
    assert answer.data == (FOLDER / "strongroom.css").read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/css; charset=utf-8"


@pytest.mark.parametrize("name", ["strongroom.css", "strongroom.000000000000.css", "../app.py", "vendor/"])
def test_anything_else_is_not_found(name: str, client: FlaskClient) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_the_first_page_needs_less_than_100_kb(files: StaticFiles, client: FlaskClient) -> None:
    html_bytes_max = 20_000
    total = sum(len(client.get(files.url(name), headers={"Accept-Encoding": "gzip"}).data) for name in FIRST_PAGE)
    assert total + html_bytes_max < 100_000
