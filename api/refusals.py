"""What the edge itself refuses, before any use case is asked."""

from typing import ClassVar

from domain.errors import StrongroomError


class InvalidRequest(StrongroomError):
    """The request was understood, and one or more of its fields are not as they must be; `fields` says which."""

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
    """This access token has expired, was revoked, or is not for this."""

    code: ClassVar[str] = "invalid_token"


class ScopeMissing(StrongroomError):
    """The app's token does not allow this; its user can be asked for more."""

    code: ClassVar[str] = "insufficient_scope"


class RoleMissing(StrongroomError):
    """You are signed in, and this needs a role that you do not have."""

    code: ClassVar[str] = "role_missing"


class CrossSiteRefused(StrongroomError):
    """This request may have been made by another site: send X-CSRF-Token, or Authorization instead of a cookie."""

    code: ClassVar[str] = "cross_site_refused"


class RateLimited(StrongroomError):
    """Too many attempts: wait for as many seconds as Retry-After says."""

    code: ClassVar[str] = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts: try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class LimitsUnavailable(StrongroomError):
    """Attempts cannot be counted now, so none is allowed. Try again in a moment."""

    code: ClassVar[str] = "limits_unavailable"


class InvalidCursor(StrongroomError):
    """The cursor is not one that this listing gave out."""

    code: ClassVar[str] = "invalid_cursor"


class UserOffline(StrongroomError):
    """This person is not connected now, so they cannot be called."""

    code: ClassVar[str] = "user_offline"


class UnknownEvent(StrongroomError):
    """There is no event of this name; the names are those of docs/realtime.md."""

    code: ClassVar[str] = "unknown_event"


class TooManySockets(StrongroomError):
    """You are connected too many times at once: close a window or another program."""

    code: ClassVar[str] = "too_many_sockets"
