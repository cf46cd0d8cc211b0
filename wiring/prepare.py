"""What every process needs of the database before it starts: the newest schema, and a row for each asset."""

from domain.rails import RAILS
from services import assets
from wiring import migrate
from wiring.container import build_container
from wiring.settings import Settings


def prepare(settings: Settings) -> None:
    """Migrate, and add the assets of what is in use. Safe to repeat and to run from several hosts at once."""
    migrate.upgrade(settings)
    container = build_container(settings)
    try:
        with container.transaction() as session:
            for rail in settings.chains:
                assets.ensure_rail(session, RAILS[rail.chain])
            for provider in settings.providers:
                assets.ensure_rail(session, RAILS[provider.chain])
            for verifier in settings.verify_chains:
                assets.ensure_rail(session, RAILS[verifier.chain])
    finally:
        container.engine.dispose()
