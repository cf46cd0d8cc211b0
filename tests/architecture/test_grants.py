"""The application may delete from the tables that it deletes from, and from no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from models import Base

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = ("api", "tasks", "cli", "wiring", "services", "auth", "adapters", "models")
_TABLE: Final = re.compile(r"DELETE FROM (\w+)")
_KIND: Final = re.compile(r"\b(?:delete\(|dropping\.\w+\(\s*session,\s*)([A-Z]\w*[a-z]\w*)")
_UNNAMED: Final = re.compile(r"\bsession\.delete\(|\bdropping\.\w+\(\s*session,\s*[a-z]")
NAMED_NOWHERE: Final = {
    "auth/oauth/forgetting.py": {
        "OAuthAccessToken", "OAuthCode", "OAuthDeviceCode", "OAuthDpopProof", "OAuthFamily", "OAuthRefreshToken",
    },
    "services/alerts/engine.py": {"AlertState"},
    "services/alerts/handling.py": {"AlertSilence"},
    "services/alerts/pausing.py": {"AlertPause"},
    "services/prices/sources.py": {"PriceSource"},
    "services/screening/listing.py": {"ListedAddress"},
    "services/unread_tokens.py": {"UnreadToken"},
    "services/watch_wallets/importing.py": {"WatchWallet"},
    "services/webhooks_out/endpoints.py": {"WebhookEndpoint"},
}  # fmt: skip
"""What is deleted where the call does not say of which kind it is."""
_MAY_DELETE: Final = text(
    """
    SELECT table_name FROM information_schema.role_table_grants
    WHERE grantee = 'strongroom_app' AND table_schema = 'public' AND privilege_type IN ('DELETE', 'TRUNCATE')
    """
)


def sources() -> Iterator[tuple[str, str]]:
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def test_the_application_may_delete_what_it_deletes_and_nothing_else(session: Session) -> None:
    tables = {mapper.class_.__name__: str(mapper.local_table) for mapper in Base.registry.mappers}
    deleted = {name for _, source in sources() for name in _TABLE.findall(source)}
    deleted |= {tables[kind] for _, source in sources() for kind in _KIND.findall(source)}
    deleted |= {tables[kind] for kinds in NAMED_NOWHERE.values() for kind in kinds}
    assert set(session.scalars(_MAY_DELETE)) == deleted


def test_what_is_deleted_where_the_call_does_not_say_it_is_known() -> None:
    assert {path for path, source in sources() if _UNNAMED.search(source)} == NAMED_NOWHERE.keys()
