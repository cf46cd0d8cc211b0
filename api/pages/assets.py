"""Stylesheets and scripts under names with a hash of their content, so that browsers can cache them for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from flask import Blueprint, Response, abort, request

from api.guards import public

FOLDER: Final = Path(__file__).resolve().parent.parent / "static"
FOREVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
}
_HASH_LENGTH: Final = 12
BUNDLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"pages.css": ("vendor/pico.css", "strongroom.css")})
"""Files sent as one, so that the base stylesheet never applies without our changes to it."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One static file, plain and compressed."""

    content_type: str
    plain: bytes
    compressed: bytes


class StaticFiles:
    """Every static file, read once; each is known by its path with the hash before the suffix."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: dict[str, StaticFile] = {}
        self._names: dict[str, str] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in _TYPES:
                self._add(path.relative_to(folder).as_posix(), path.read_bytes())
        for name, parts in BUNDLES.items():
            self._add(name, b"\n".join((folder / part).read_bytes() for part in parts))

    def url(self, name: str) -> str:
        """The URL of a file by its plain name. Raises KeyError for an unknown one."""
        return f"/static/{self._names[name]}"

    def find(self, hashed: str) -> StaticFile | None:
        """The file under a hashed name, if its content still has that hash."""
        return self._files.get(hashed)

    def _add(self, name: str, plain: bytes) -> None:
        stem, dot, suffix = name.rpartition(".")
        hashed = f"{stem}.{hashlib.sha256(plain).hexdigest()[:_HASH_LENGTH]}{dot}{suffix}"
        self._names[name] = hashed
        self._files[hashed] = StaticFile(_TYPES[dot + suffix], plain, gzip.compress(plain, 9, mtime=0))


def blueprint(files: StaticFiles) -> Blueprint:
    """The public route that serves the static files."""
    pages = Blueprint("static-files", __name__)

    @pages.get("/static/<path:name>")
    @public
    def static_file(name: str) -> Response:
        """Serve a stylesheet, script or licence; an outdated name is not found."""
        file = files.find(name)
        if file is None:
            abort(404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if request.accept_encodings.quality("gzip") > 0:
            return Response(
                file.compressed, headers={**headers, "Content-Encoding": "gzip"}, content_type=file.content_type
            )
        return Response(file.plain, headers=headers, content_type=file.content_type)

    return pages
