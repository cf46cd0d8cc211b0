"""What the edge itself refuses, before any use case is asked."""

from typing import ClassVar

from domain.errors import StrongroomError


class InvalidRequest(StrongroomError):
    """One or more fields of the request are invalid; `fields` names them."""

    code: ClassVar[str] = "invalid_request"


class MalformedJson(StrongroomError):
    """The body is not a JSON object."""

    code: ClassVar[str] = "malformed_json"


class NotJson(StrongroomError):
    """This endpoint takes a JSON body, sent with Content-Type: application/json."""

    code: ClassVar[str] = "unsupported_media_type"


class NotSignedIn(StrongroomError):
    """Sign in first: there is no session, or it has ended."""

    code: ClassVar[str] = "not_signed_in"


class InvalidToken(StrongroomError):
    """The access token has expired, was revoked, or is not for this API."""

    code: ClassVar[str] = "invalid_token"


class ScopeMissing(StrongroomError):
    """The app's token lacks the scope; the app can ask its user for it."""

    code: ClassVar[str] = "insufficient_scope"


class RoleMissing(StrongroomError):
    """You lack the role that this requires."""

    code: ClassVar[str] = "role_missing"


class CrossSiteRefused(StrongroomError):
    """The request may come from another site: send X-CSRF-Token, or Authorization instead of a cookie."""

    code: ClassVar[str] = "cross_site_refused"


class RateLimited(StrongroomError):
    """Too many attempts: wait for the number of seconds in Retry-After."""

    code: ClassVar[str] = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts: try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class LimitsUnavailable(StrongroomError):
    """Attempts cannot be counted at the moment, so none is allowed. Retry in a moment."""

    code: ClassVar[str] = "limits_unavailable"


class InvalidCursor(StrongroomError):
    """The cursor was not returned by this listing."""

    code: ClassVar[str] = "invalid_cursor"


class UserOffline(StrongroomError):
    """This person is not connected now, so they cannot be called."""

    code: ClassVar[str] = "user_offline"


class UnknownEvent(StrongroomError):
    """There is no event of this name; docs/realtime.md lists them."""

    code: ClassVar[str] = "unknown_event"


class TooManySockets(StrongroomError):
    """Too many open connections: close a window or another program."""

    code: ClassVar[str] = "too_many_sockets"
