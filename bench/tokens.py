"""What a refresh costs: an app exchanges refresh tokens, next to a bare view."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from coincurve import PrivateKey
from sqlalchemy import insert

from auth import users
from auth.oauth import clients, grants
from auth.oauth.provider import REFRESH_LIFETIME, digest, new_secret
from bench.versus import against_bare, once_each
from bench.world import World
from domain.ids import new_id
from models.oauth import OAuthRefreshToken
from wiring.container import Container

PEOPLE = 500
UNLIMITED = 1_000_000
SCOPE = "profile:read wallet:read"


def token_issue(world: World, *, rounds: int = 4, seconds: float = 2, prepared: int = 12_000) -> dict[str, float]:
    """Refresh-token exchanges per second ÷ answers of the bare view, in turns: the median of the ratios.

    Each request exchanges a token of its own, of one app with a secret and of many people's authorizations; the answer
    is a signed access token (RS256) and the next refresh token.
    """
    house = world.house("tokens")
    settings = replace(house.settings, read_limit=UNLIMITED, user_limit=UNLIMITED)
    with house.container() as container:
        exchanges = once_each(refreshes(container, prepared))
    house.analyse("users", "oauth_clients", "oauth_grants", "oauth_families", "oauth_refresh_tokens")
    rates = against_bare(world, settings, {"refresh": exchanges}, name="tokens", rounds=rounds, seconds=seconds)
    return {
        "token_issue": rates.ratio("refresh"),
        "token_issue_per_s": rates.per_s("refresh"),
        "token_issue_floor_per_s": rates.bare_per_s,
    }


def refreshes(container: Container, count: int) -> list[bytes]:
    """So many requests, each with a refresh token that nobody has used."""
    now = datetime.now(UTC)
    metadata = {"client_name": "Bench", "redirect_uris": ["https://bench.example/back"], "scope": SCOPE}
    with container.transaction() as session:
        app = clients.register(session, metadata, owner_id=None, now=now)
        families = []
        for _ in range(PEOPLE):
            user = users.of_subject(session, PrivateKey().public_key.format().hex(), now=now)
            grant = grants.consent(
                session, user_id=user.user_id, client_pk=app.client.id, scope=SCOPE, limits=None, now=now
            )
            audience = [f"{container.settings.public_url}/api/v1"]
            families.append(
                grants.open_family(session, grant.id, scope=SCOPE, audience=audience, auth_time=now, now=now).id
            )
        secrets = [new_secret() for _ in range(count)]
        rows = [
            {
                "id": new_id(),
                "token_hash": digest(secret),
                "family_id": families[number % PEOPLE],
                "issued_at": now,
                "expires_at": now + REFRESH_LIFETIME,
            }
            for number, secret in enumerate(secrets)
        ]
        session.execute(insert(OAuthRefreshToken), rows)
    login = b64encode(f"{app.client.client_id}:{app.secret}".encode()).decode()
    return [_exchange(secret, login) for secret in secrets]


def _exchange(refresh_token: str, login: str) -> bytes:
    body = urlencode({"grant_type": "refresh_token", "refresh_token": refresh_token})
    head = (
        "POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Authorization: Basic {login}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()
