"""Webhooks of providers: verified over the raw body, stored once, acknowledged at once, and processed by a task."""

import json
from http import HTTPStatus
from typing import Final

import structlog
from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from api.guards import from_anywhere, public
from api.request_context import container
from domain.provider_facts import BadNotification, Notification
from domain.provider_ports import NotificationReader
from services import notifications_in
from wiring.container import Container

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")
KEYS_KEPT_MAX: Final = 64

log = structlog.get_logger(__name__)
_keys: dict[tuple[str, str], bytes] = {}


@blueprint.route("/<provider>", methods=["HEAD", "POST"])
@public
@from_anywhere
def take(provider: str) -> Response:
    """Receive a provider's notification without a topic in its URL."""
    return _take(provider, None)


@blueprint.route("/<provider>/<topic>", methods=["HEAD", "POST"])
@public
@from_anywhere
def take_topic(provider: str, topic: str) -> Response:
    """Receive a provider's notification on one topic. Some providers check the URL with HEAD."""
    return _take(provider, topic)


def _take(provider: str, named: str | None) -> Response:
    parts = container()
    reader = parts.readers.get(provider)
    if reader is None:
        abort(HTTPStatus.NOT_FOUND)
    topic = reader.default_topic if named is None else named
    if topic not in reader.topics:
        abort(HTTPStatus.NOT_FOUND)
    if request.method == "HEAD":
        return Response(status=HTTPStatus.OK)
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= (request.max_content_length or 0):
        # A chunked body does not declare its length; Werkzeug stops reading at the limit.
        raise RequestEntityTooLarge
    brought = {name: request.headers[name] for name in reader.headers if name in request.headers}
    secret = {name: request.headers[name] for name in reader.secret_headers if name in request.headers}
    try:
        notification = reader.read(topic, {**brought, **secret}, body)
        verified = _verified(parts, provider, reader, notification)
    except BadNotification:
        log.warning("notification refused", provider=provider, topic=topic)
        with parts.transaction() as session:
            notifications_in.refuse(session, provider, now=parts.now())
        raise
    with parts.transaction() as session:
        notifications_in.receive(
            session,
            provider,
            topic,
            notification,
            verified=verified,
            headers=json.dumps(brought),
            body=body,
            now=parts.now(),
        )
    return Response(status=HTTPStatus.OK)


def _verified(parts: Container, provider: str, reader: NotificationReader, notification: Notification) -> bool:
    """Whether the signature is valid; False if its key is not known here. Raises BadNotification for an invalid one.

    Nothing is fetched here: with a key that no task has fetched yet, the notification waits unverified.
    """
    if not notification.key_name:
        return True
    found = _keys.get((provider, notification.key_name))
    if found is None:
        with parts.reading() as session:
            found = notifications_in.key(session, provider, notification.key_name)
        if found is None:
            return False
        if len(_keys) >= KEYS_KEPT_MAX:
            _keys.clear()
        _keys[provider, notification.key_name] = found
    if not reader.verify(notification, found):
        raise BadNotification("The signature of this notification is wrong.")
    return True
