"""Refuse the one character that nobody types and PostgreSQL cannot hold: a NUL would end in a bug of ours.

Bodies of JSON are read by their schemas, and what other sites may call has the rules of its protocol.
"""

from typing import Final

from flask import current_app, request
from werkzeug.exceptions import BadRequest

FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def refuse() -> None:
    """Look at the address, and at the form if there is one. Raises BadRequest."""
    environ = request.environ
    in_address = "\0" in environ.get("PATH_INFO", "") or "%00" in environ.get("QUERY_STRING", "")
    is_form = environ["REQUEST_METHOD"] == "POST" and request.mimetype in FORMS
    if not in_address and not is_form:
        return
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "from_anywhere", False):
        return
    if in_address or any("\0" in text for texts in request.form.listvalues() for text in texts):
        raise BadRequest
