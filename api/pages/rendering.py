"""Turn a template and its shaped values into an answer."""

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
    """Who looks at a page, if they are signed in: their key, their roles, and where they may go."""

    public_key: str
    roles: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def install(app: Flask, *, version: str) -> None:
    """Give an application's templates the words, the four meanings and the static files."""
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
    """The page, or only its live part when htmx reads it again. Pages are private and never stored."""
    fragment = request.headers.get("HX-Request") == "true"
    html = render_template(template, now=now, visitor=visitor, fragment=fragment, **values)
    return Response(
        html, status=status, mimetype="text/html", headers={"Cache-Control": "no-store", "Vary": "HX-Request, Cookie"}
    )
