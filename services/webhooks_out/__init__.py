"""Outgoing webhooks: endpoints, the messages to them, and the attempts to deliver those."""

from services.webhooks_out.endpoints import (
    Owner,
    TooManyWebhookEndpoints,
    WebhookEndpointNotFound,
    create,
    disable,
    enable,
    every,
    of_owner,
    one,
    remove,
    reveal,
    rotate,
    update,
)
from services.webhooks_out.messages import (
    WebhookDeliveryNotFound,
    attempts_of,
    deliveries,
    delivery,
    forget_old,
    redeliver,
    redeliver_since,
    send_test,
)
from services.webhooks_out.outgoing import Outgoing, claim, record
from services.webhooks_out.telling import CONSUMER, tell

__all__ = [
    "CONSUMER",
    "Outgoing",
    "Owner",
    "TooManyWebhookEndpoints",
    "WebhookDeliveryNotFound",
    "WebhookEndpointNotFound",
    "attempts_of",
    "claim",
    "create",
    "deliveries",
    "delivery",
    "disable",
    "enable",
    "every",
    "forget_old",
    "of_owner",
    "one",
    "record",
    "redeliver",
    "redeliver_since",
    "remove",
    "reveal",
    "rotate",
    "send_test",
    "tell",
    "update",
]
