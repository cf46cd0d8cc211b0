"""Every page has an example that is looked at: in both schemes, on a phone and on a desk."""

import ast
import re
from pathlib import Path

import pytest
from flask import Flask

import api.pages
from api.pages import BLUEPRINTS
from tests.browser.samples import SAMPLES

PAGES = Path(api.pages.__file__).parent
TEMPLATES = PAGES.parent / "templates"
# Pieces of pages, which are looked at where they are used.
PIECES = {
    "base.html",
    "consent_macros.html",
    "fragment.html",
    "last_hour.html",
    "macros.html",
    "wallet_code.html",
    "webhook_macros.html",
}
ELSEWHERE = {"api_docs.html": "drawn from the API's own description: tests/front_door/test_pages.py looks at it"}


def test_what_is_read_again_is_one_element() -> None:
    """Whatever stood beside it would be added to the page each time that the live part is read."""
    for path in TEMPLATES.glob("*.html"):
        _, begun, rest = path.read_text(encoding="utf-8").partition("{% block live %}\n<div")
        if begun:
            live = f"<div{rest.partition('{% endblock %}')[0]}".rstrip()
            ends = [match.end() for match in re.finditer(r"</?div\b", live) if _depth(live[: match.end()]) == 0]
            assert ends == [live.rindex("</div") + len("</div")], path.name
            assert live.endswith("</div>"), path.name


def _depth(markup: str) -> int:
    return len(re.findall(r"<div\b", markup)) - len(re.findall(r"</div\b", markup))


def test_every_template_has_an_example() -> None:
    shown = {template for template, _, _ in SAMPLES.values()}
    assert {path.name for path in TEMPLATES.glob("*.html")} - PIECES - set(ELSEWHERE) == shown


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda blueprint: blueprint.name)
def test_every_page_is_drawn_from_a_template_that_has_one(blueprint: object) -> None:
    app = Flask("routes")
    app.register_blueprint(blueprint)  # type: ignore[arg-type]
    shown = {template for template, _, _ in SAMPLES.values()}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            drawn = templates_of(app.view_functions[rule.endpoint].__module__)
            assert drawn, f"{rule.rule} draws no template"
            assert drawn <= shown, f"{rule.rule} has no example"


def templates_of(module: str) -> set[str]:
    """Every template that a module of pages names."""
    source = (PAGES / f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and value.endswith(".html")}
