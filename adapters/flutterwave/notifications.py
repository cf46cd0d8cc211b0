"""Read Flutterwave's webhooks, which are not signed but contain a shared secret.

https://developer.flutterwave.com/v3.0/docs/webhooks: the header `verif-hash` repeats the secret of the dashboard.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from domain.provider_facts import BadNotification, Notification

TOPICS: Final = frozenset({"transfers"})
HEADER: Final = "Verif-Hash"
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class FlutterwaveNotifications:
    """Implements `domain.ports.NotificationReader`."""

    topics = TOPICS
    default_topic = "transfers"
    headers = ()
    secret_headers = (HEADER,)

    def __init__(self, *, secret: str) -> None:
        self._secret = secret.encode()

    def read(self, topic: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """The notification in this request. Raises BadNotification unless it contains the secret."""
        given = headers.get(HEADER, "").encode("utf-8", "replace")
        if not self._secret or not hmac.compare_digest(self._secret, given):
            raise BadNotification("This notification does not carry the secret.")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadNotification("A notification is a JSON object.") from error
        if not isinstance(said, dict):
            raise BadNotification("A notification is a JSON object.")
        data = said.get("data") if isinstance(said.get("data"), dict) else said.get("transfer")
        return Notification(
            scheme="shared_secret",
            notification_id=hashlib.sha256(body).hexdigest(),
            kind=_word(said.get("event") or said.get("event.type")) or topic,
            resource_id=_word(_named(data, "id")),
            reference=_word(_named(data, "reference")),
        )

    def verify(self, notification: Notification, key: bytes) -> bool:  # noqa: ARG002
        """False: nothing is signed."""
        return False

    def fetch_key(self, key_name: str) -> bytes | None:  # noqa: ARG002
        """None: there are no keys."""
        return None

    def confirm(self, notification: Notification) -> None:
        """Do nothing: subscriptions are made in the dashboard."""


def _named(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None


def _word(text: Any) -> str:
    return str(text) if text is not None and _WORD.fullmatch(str(text)) else ""
