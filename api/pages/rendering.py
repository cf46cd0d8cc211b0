"""Render a template with its shaped values."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, render_template, request

from api.pages import browsers, sentences, wording
from api.pages.assets import StaticFiles, blueprint
from api.pages.meanings import MEANINGS

_WORDS: Final = (
    wording.amount,
    wording.relative,
    wording.exact,
    wording.lasting,
    wording.in_full,
    browsers.browser,
    wording.middle,
    wording.spoken,
    sentences.kind_word,
    wording.scope,
    wording.counted,
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The reader of a page, if signed in: key, roles, and which pages they may open."""

    public_key: str
    roles: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def install(app: Flask, *, version: str) -> None:
    """Give an application's templates their filters, the four meanings and the static files."""
    files = StaticFiles()
    app.register_blueprint(blueprint(files))
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        MEANINGS=MEANINGS,
        static_url=files.url,
        version=version,
        **{function.__name__: function for function in _WORDS},
    )


def render(
    template: str, *, now: datetime, visitor: Visitor | None, status: int = HTTPStatus.OK, **values: Any
) -> Response:
    """Render the page, or only its live part for htmx. Pages are private and never stored."""
    fragment = request.headers.get("HX-Request") == "true"
    html = render_template(template, now=now, visitor=visitor, fragment=fragment, **values)
    return Response(
        html, status=status, mimetype="text/html", headers={"Cache-Control": "no-store", "Vary": "HX-Request, Cookie"}
    )
