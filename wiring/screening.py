"""The screening service that the settings name."""

from adapters.screening.http import HttpScreening, NullScreening
from domain.ports import Screening
from wiring.settings import Settings


def build_screening(settings: Settings) -> Screening:
    """The service that is configured, or one that knows nothing."""
    if not settings.screening_url:
        return NullScreening()
    token = settings.screening_token
    return HttpScreening(
        settings.screening_url.reveal(),
        hit_path=settings.screening_hit_path,
        headers={} if token is None else {settings.screening_header: token.reveal()},
        timeout_s=settings.screening_timeout_s,
    )
