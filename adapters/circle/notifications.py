"""Read what Circle posts, in the three ways in which it, or a gateway in front of us, signs.

Version 2: https://developers.circle.com/w3s/webhook-notifications (ECDSA over the raw body, the key by its id).
Version 1: Amazon SNS, https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html, whose messages
anybody may have signed for a topic of their own: only Circle's topic counts. Third: HMAC-SHA256 of the raw body in
`X-Webhook-Signature`, in hexadecimal, for relays.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from adapters.provider_http import ProviderEndpoint, ProviderHttp
from domain.node_refusals import ChainUncertain, NodeError, NodeRefused
from domain.provider_facts import SUBSCRIPTION, BadNotification, Notification
from domain.providers import Custodian

TOPICS: Final = frozenset({"transfers", "wallets", "payments"})
ABOUT_TRANSFERS: Final = frozenset({"transfers", "payments"})
FETCH_TIMEOUT_S: Final = 10.0
CERTIFICATE_BYTES_MAX: Final = 64 * 1024
_ID: Final = re.compile(r"[0-9a-fA-F-]{1,64}", re.ASCII)
_KIND: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_SNS_HOST: Final = re.compile(r"sns\.[a-z0-9-]{1,32}\.amazonaws\.com", re.ASCII)
# Its own certificates only. The same host answers what strangers ask it with words that they chose (the attributes of a
# topic of theirs, under an address that they signed), and a certificate is found in the midst of any text.
_SNS_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem", re.ASCII)
_ADDRESS: Final = re.compile(r"[!-~]{1,2048}", re.ASCII)
_SNS_TOPIC: Final = re.compile(r"arn:aws:sns:[a-z0-9-]{1,32}:908968368384:(sandbox|prod)_platform-notifications-topic")
_SNS_TYPES: Final = frozenset({"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"})
_SNS_SIGNED: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SNS_SIGNED_ABOUT_SUBSCRIPTIONS: Final = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip
_SNS_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}

Fetch = Callable[[str], bytes]


class CircleNotifications:
    """Implements `domain.ports.NotificationReader`. `fetch` gets what is at an https address, for tests to replace."""

    topics = TOPICS
    default_topic = "transfers"
    headers = ("X-Circle-Signature", "X-Circle-Key-Id", "X-Webhook-Signature")
    secret_headers = ()

    def __init__(
        self, endpoint: ProviderEndpoint, rail: Custodian, *, secret: str = "", fetch: Fetch | None = None
    ) -> None:
        self._http = ProviderHttp(endpoint)
        self._rail = rail
        self._secret = secret.encode()
        self._fetch = fetch or _fetched

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def read(self, topic: str, headers: Mapping[str, str], body: bytes) -> Notification:
        """What this request says; version 2 and SNS name the key that will tell whether to believe it."""
        said = _object(body)
        if headers.get("X-Circle-Signature") and headers.get("X-Circle-Key-Id"):
            return _version_2(topic, headers, body, said)
        if said.get("Type") in _SNS_TYPES:
            return self._sns(topic, said)
        if headers.get("X-Webhook-Signature") and self._secret:
            return self._relayed(topic, headers["X-Webhook-Signature"], body, said)
        raise BadNotification("This notification carries no signature that can be checked here.")

    def verify(self, notification: Notification, key: bytes) -> bool:
        """Whether it was signed with this key."""
        try:
            public_key = serialization.load_der_public_key(key)
            if isinstance(public_key, ec.EllipticCurvePublicKey) and notification.scheme == "circle_v2":
                public_key.verify(notification.signature, notification.signed, ec.ECDSA(hashes.SHA256()))
                return True
            if isinstance(public_key, rsa.RSAPublicKey) and notification.scheme == "sns":
                digest = _SNS_HASHES[notification.key_name[3]]()
                public_key.verify(notification.signature, notification.signed, padding.PKCS1v15(), digest)
                return True
        except (InvalidSignature, ValueError, UnsupportedAlgorithm):
            return False
        return False

    def fetch_key(self, key_name: str) -> bytes | None:
        """The public key of version 2 from Circle, or the certificate of SNS from Amazon, and from nowhere else."""
        kind, _, name = key_name.partition(":")
        if kind != "circle":
            return _key_of(self._fetch(name))
        answer = self._http.get(f"/v2/notifications/publicKey/{name}")
        if not answer.is_ok:
            return None
        data = answer.body.get("data")
        try:
            return base64.b64decode(str(data["publicKey"]), validate=True) if isinstance(data, dict) else None
        except (KeyError, binascii.Error):
            return None

    def confirm(self, notification: Notification) -> None:
        """Agree to the subscription that Circle's topic offers."""
        self._fetch(notification.confirm_url)

    def _sns(self, topic: str, said: Mapping[str, Any]) -> Notification:
        """An SNS message about Circle's own topic, whose signature names a certificate of Amazon's."""
        found = _SNS_TOPIC.fullmatch(str(said.get("TopicArn")))
        wanted = "sandbox" if self._rail.is_test else "prod"
        version = str(said.get("SignatureVersion"))
        if found is None or found[1] != wanted or version not in _SNS_HASHES:
            raise BadNotification("This is not a message of Circle's topic.")
        certificate = _of_amazon(said.get("SigningCertURL"), path=_SNS_CERTIFICATE)
        is_notification = said["Type"] == "Notification"
        names = _SNS_SIGNED if is_notification else _SNS_SIGNED_ABOUT_SUBSCRIPTIONS
        signed = "".join(f"{name}\n{said[name]}\n" for name in names if said.get(name) is not None)
        inner = _object(_utf8(str(said.get("Message")))) if is_notification else {}
        offered = said["Type"] == "SubscriptionConfirmation"
        return Notification(
            scheme="sns",
            notification_id=_id(said.get("MessageId")),
            kind=_kind(topic, inner) if is_notification else SUBSCRIPTION if offered else "unsubscribed",
            resource_id=_resource(topic, inner),
            key_name=f"sns{version}:{certificate}",
            signed=_utf8(signed),
            signature=_base64(said.get("Signature")),
            confirm_url=_of_amazon(said.get("SubscribeURL")) if offered else "",
        )

    def _relayed(self, topic: str, signature: str, body: bytes, said: Mapping[str, Any]) -> Notification:
        expected = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        given = signature.removeprefix("sha256=").lower()
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise BadNotification("The signature of this notification is wrong.")
        named = str(said.get("notificationId") or "")
        identity = named if _ID.fullmatch(named) else hashlib.sha256(body).hexdigest()
        return Notification("hmac", identity, _kind(topic, said), _resource(topic, said))


def _version_2(topic: str, headers: Mapping[str, str], body: bytes, said: Mapping[str, Any]) -> Notification:
    return Notification(
        scheme="circle_v2",
        notification_id=_id(said.get("notificationId")),
        kind=_kind(topic, said),
        resource_id=_resource(topic, said),
        key_name=f"circle:{_id(headers['X-Circle-Key-Id'])}",
        signed=body,
        signature=_base64(headers["X-Circle-Signature"]),
    )


def _kind(topic: str, said: Mapping[str, Any]) -> str:
    kind = str(said.get("notificationType") or topic)
    return kind if _KIND.fullmatch(kind) else "unknown"


def _resource(topic: str, said: Mapping[str, Any]) -> str:
    """The id of the transfer that this is about: under `notification` in version 2, under its name before."""
    if topic not in ABOUT_TRANSFERS and "transfer" not in _kind(topic, said).lower():
        return ""
    for name in ("notification", "transfer"):
        part = said.get(name)
        if isinstance(part, dict) and _ID.fullmatch(str(part.get("id"))):
            return str(part["id"])
    return ""


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadNotification("A notification is a JSON object.") from error
    if not isinstance(said, dict):
        raise BadNotification("A notification is a JSON object.")
    return said


def _id(text: Any) -> str:
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise BadNotification("This notification has no id.")
    return text


def _base64(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNotification("The signature of this notification is not base64.") from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadNotification("This notification holds half a character.") from error


def _of_amazon(address: Any, *, path: re.Pattern[str] | None = None) -> str:
    """An https address of Amazon's notification service, and of nobody who is called similarly.

    With `path`, this path there and nothing else: no query.
    """
    try:
        # Some parsers drop what is no part of an address, and the next one stumbles over it.
        parts = urlsplit(str(address) if _ADDRESS.fullmatch(str(address)) else "")
        is_plain = parts.port in {None, 443} and parts.username is None and parts.password is None
    except ValueError as error:
        raise BadNotification("This notification points to no address of Amazon's.") from error
    is_there = path is None or (path.fullmatch(parts.path) and not parts.query and not parts.fragment)
    if parts.scheme != "https" or not is_plain or not _SNS_HOST.fullmatch(parts.hostname or "") or not is_there:
        raise BadNotification("This notification points to no address of Amazon's.")
    return str(address)


def _key_of(certificate: bytes) -> bytes | None:
    try:
        key = load_pem_x509_certificate(certificate).public_key()
    except ValueError:
        return None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _fetched(address: str) -> bytes:
    """What is at an https address. Raises NodeRefused, ChainUncertain, NodeError."""
    content = b""
    try:
        with httpx.stream("GET", address, timeout=FETCH_TIMEOUT_S, follow_redirects=False, trust_env=False) as answer:
            status = answer.status_code
            for part in answer.iter_bytes():
                content += part
                if len(content) > CERTIFICATE_BYTES_MAX:
                    raise NodeError(f"{urlsplit(address).hostname} answered with more than a certificate")
    except httpx.ConnectError as error:
        raise NodeRefused(f"{urlsplit(address).hostname} cannot be reached") from error
    except httpx.HTTPError as error:
        raise ChainUncertain(f"{urlsplit(address).hostname} gave no answer: {type(error).__name__}") from error
    if status != httpx.codes.OK:
        raise NodeError(f"{urlsplit(address).hostname} answered with HTTP {status}")
    return content
