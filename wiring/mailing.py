"""The mail server that the settings describe."""

from adapters.mail import Mailer
from wiring.settings import Settings


def mailer_of(settings: Settings) -> Mailer | None:
    """How letters are sent, or None where nobody set up a mail server."""
    if settings.smtp_host is None:
        return None
    return Mailer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,  # type: ignore[arg-type]  # settings are read as one of the three
        sender=settings.mail_from,
        username=settings.smtp_username,
        password=None if settings.smtp_password is None else settings.smtp_password.reveal,
    )
