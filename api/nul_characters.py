"""Refuse NUL characters, which PostgreSQL cannot store."""

from typing import Final

from flask import request

FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def in_request() -> bool:
    """Whether the URL or the form of this request contains a NUL. JSON bodies are checked by their schemas."""
    if "\0" in request.path or "%00" in request.environ.get("QUERY_STRING", ""):
        return True
    return request.mimetype in FORMS and any("\0" in text for texts in request.form.listvalues() for text in texts)
