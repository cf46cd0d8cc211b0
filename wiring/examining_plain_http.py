"""Report secrets that are sent over plain http to another host."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from domain.cleartext import allowed_hosts, in_the_clear
from models.price import PriceSource
from wiring import plain_http
from wiring.container import Container
from wiring.finding import Finding

SUBJECT = "plain http"


def examine_plain_http(container: Container) -> Iterator[Finding]:
    """What the settings allow by host name, and price sources that are not asked because of it. Changes nothing."""
    settings = container.settings
    names = ("chains", "providers", "verify_chains", "screening_url", "screening_token")
    said = {name: getattr(settings, name) for name in names}
    for name, host in dict.fromkeys(plain_http.exposed(said)):
        yield Finding(
            SUBJECT, "note", f"{name} sends a secret to {host} in the clear: {plain_http.ALLOWING} allows it",
            "Make sure that only a tunnel or a network of your own leads there, or use https://.",
        )  # fmt: skip
    try:
        with container.reading() as session:
            keyed = session.scalars(select(PriceSource).where(PriceSource.key_header.is_not(None))).all()
    except SQLAlchemyError:
        return  # what is wrong with PostgreSQL, or with its schema, was said already
    for source in keyed:
        host = in_the_clear(source.url or "", allowed_hosts(settings.plain_http_hosts))
        if host:
            yield Finding(
                SUBJECT, "wrong", f"{source.name} is not asked for {source.pair}: its key would be read on the way",
                f"Name it anew with https:// (`python -m cli price source {source.pair} {source.name} …`).",
            )  # fmt: skip
