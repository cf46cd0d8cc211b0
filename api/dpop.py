"""A request's DPoP proof: checked, and recorded against replay in Redis, or in PostgreSQL while Redis is down."""

from typing import Any, Final, cast

import structlog
from flask import Flask, Response, current_app, g, request
from redis import Redis
from redis.exceptions import RedisError

from api.request_context import container
from auth.oauth import dpop
from auth.oauth.dpop import InvalidDpopProof, Proof
from auth.oauth.provider import Provider
from wiring.container import CACHE, CACHE_WAIT_S, Container

HEADER: Final = "DPoP"
NONCE_HEADER: Final = "DPoP-Nonce"
_CLIENT: Final = "strongroom.dpop_proofs"
_PREFIX: Final = b"dpop:"

log = structlog.get_logger(__name__)


def register(app: Flask) -> None:
    """Have every answer to a proof, or to who should have sent one, hand out the nonce for the next (RFC 9449 8.2)."""
    app.after_request(_hand_out)


def carried(*, access_token: str | None = None, key: str | None = None) -> Proof | None:
    """Check and record the proof of this request; None when there is none.

    With `access_token` it must be for that token, with `key` by the key of that thumbprint. Raises InvalidDpopProof,
    UseDpopNonce.
    """
    header = request.headers.get(HEADER)
    if header is None and access_token is None:
        return None
    parts = container()
    now, settings = parts.now(), parts.settings
    nonces = dpop.nonces(Provider(settings.public_url, settings.secret_key.reveal()), now=now)
    g.dpop_nonce = nonces[0]
    if header is None:
        return None
    proof = dpop.read(
        header,
        method=request.method,
        address=f"{settings.public_url}{request.path}",
        now=now,
        nonces=nonces if settings.dpop_nonces else (*nonces, None),
        access_token=access_token,
    )
    if key is not None and proof.jkt != key:
        raise InvalidDpopProof("The DPoP proof is by another key than the one that the token is bound to.")
    if not _is_new(parts, proof):
        raise InvalidDpopProof("This DPoP proof was used before.")
    return proof


def _hand_out(response: Response) -> Response:
    nonce = g.get("dpop_nonce")
    if nonce is not None:
        response.headers[NONCE_HEADER] = nonce
    return response


def _is_new(parts: Container, proof: Proof) -> bool:
    try:
        client = _redis(parts)
        if client is not None:
            kept_s = int(dpop.KEPT.total_seconds())
            return bool(client.set(_PREFIX + proof.digest, b"", nx=True, ex=kept_s))
    except RedisError as fault:
        log.warning("proofs are remembered in the database", error=str(fault))
    with parts.transaction() as session:
        return dpop.remember(session, proof, now=parts.now())


def _redis(parts: Container) -> Any:
    """This process's connections, made at the first proof."""
    if parts.settings.redis_url is None:
        return None
    if _CLIENT not in current_app.extensions:
        address = parts.settings.redis_database(CACHE).reveal()
        wait = {"socket_timeout": CACHE_WAIT_S, "socket_connect_timeout": CACHE_WAIT_S}
        current_app.extensions[_CLIENT] = Redis.from_url(address, **wait)
    return cast("Redis", current_app.extensions[_CLIENT])
