"""Requests in Authlib's interface, checked for malformed parameters; and answers before they are HTTP."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.util import extract_basic_authorization

VALUE_LENGTH_MAX: Final = 4096
# Parameters that Authlib repeats in error descriptions, where only these characters are allowed (RFC 6749 5.2).
_REPEATED: Final = ("redirect_uri", "response_type", "grant_type")
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*", re.ASCII)
# The only parameter that may be repeated (RFC 8707 2).
_MANY: Final = frozenset({"resource"})

Parameters = Mapping[str, Sequence[str]]


class Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib is not typed
    """The parameters of one request."""

    def __init__(self, parameters: Parameters) -> None:
        self._lists = parameters

    @property
    def data(self) -> dict[str, str]:
        """Each parameter's value; an empty one counts as not sent (RFC 6749 3.1)."""
        return {name: values[0] for name, values in self._lists.items() if values and values[0]}

    @property
    def datalist(self) -> "defaultdict[str, list[str]]":
        """Each parameter's values."""
        return defaultdict(list, {name: list(values) for name, values in self._lists.items()})


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request to one of our endpoints."""

    def __init__(self, method: str, parameters: Parameters, headers: Mapping[str, str]) -> None:
        # TLS ends at the proxy, so whether this request was encrypted is not visible here; HSTS demands it.
        super().__init__(method, "https://localhost/", headers=dict(headers))
        self.payload = Payload(parameters)

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body."""
        return self.payload.data

    @property
    def args(self) -> dict[str, str]:
        """The parameters of the query."""
        return self.payload.data

    @property
    def resources(self) -> list[str]:
        """The resources that the token is for (RFC 8707)."""
        return [value for value in self.payload.datalist["resource"] if value]


@dataclass(slots=True)
class Reply:
    """An answer: a status, the fields of a JSON body, headers, and a redirect target, if there is one."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    location: str | None = None


def named_by(headers: Mapping[str, str]) -> str | None:
    """The client id in HTTP Basic, read as Authlib reads it; None for none. Raises Authlib's InvalidClientError."""
    try:
        client_id: str | None = extract_basic_authorization(headers)[0]
    except ValueError as fault:
        # Authlib assumes that decoded base64 is text.
        words = "The Authorization header holds no text"
        raise InvalidClientError(status_code=HTTPStatus.UNAUTHORIZED, description=words) from fault
    return client_id


def check(parameters: Parameters) -> None:
    """Refuse parameters that are repeated, too long or not text. Raises Authlib's InvalidRequestError."""
    for name, values in parameters.items():
        if len(values) > 1 and name not in _MANY:
            raise InvalidRequestError("A parameter was sent more than once")
        if any(len(value) > VALUE_LENGTH_MAX or not value.isprintable() for value in values):
            raise InvalidRequestError("A parameter is too long or holds control characters")
        if name in _REPEATED and not all(_PLAIN.fullmatch(value) for value in values):
            raise InvalidRequestError(f"{name} is not valid")
