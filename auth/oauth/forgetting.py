"""Drop codes and tokens that ended long ago; the audit log remembers that they were."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# A family's tokens go together: an old refresh token must be known as long as its family lives, to be seen as a replay.
_STATEMENTS = (
    text("DELETE FROM oauth_device_codes WHERE expires_at < :before"),
    text("DELETE FROM oauth_codes WHERE expires_at < :before AND redeemed_at IS NULL"),
    text("DELETE FROM oauth_dpop_proofs WHERE expires_at < :before"),
    text("DELETE FROM oauth_access_tokens WHERE expires_at < :before"),
    text(
        """
        DELETE FROM oauth_refresh_tokens WHERE family_id IN (
            SELECT family_id FROM oauth_refresh_tokens GROUP BY family_id HAVING max(expires_at) < :before)
        """
    ),
    # A spent code must be known as long as there is something that its replay would end.
    text(
        """
        DELETE FROM oauth_codes c WHERE expires_at < :before
           AND NOT EXISTS (SELECT FROM oauth_refresh_tokens t WHERE t.family_id = c.family_id)
           AND NOT EXISTS (SELECT FROM oauth_access_tokens t WHERE t.family_id = c.family_id)
        """
    ),
    text(
        """
        DELETE FROM oauth_families f WHERE created_at < :before
           AND NOT EXISTS (SELECT FROM oauth_codes c WHERE c.family_id = f.id)
           AND NOT EXISTS (SELECT FROM oauth_device_codes c WHERE c.family_id = f.id)
           AND NOT EXISTS (SELECT FROM oauth_refresh_tokens t WHERE t.family_id = f.id)
           AND NOT EXISTS (SELECT FROM oauth_access_tokens t WHERE t.family_id = f.id)
        """
    ),
)


def forget_ended(session: Session, *, now: datetime, kept: timedelta = timedelta(days=1)) -> None:
    """Delete what expired longer ago than `kept`: until then its fate can still be told by name."""
    for statement in _STATEMENTS:
        session.execute(statement, {"before": now - kept})
