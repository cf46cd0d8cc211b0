"""DPoP proofs (RFC 9449): that the sender of a token holds the key it is bound to; each is accepted once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import jwt
from sqlalchemy import text
from sqlalchemy.orm import Session

from auth.oauth.provider import Provider
from domain.errors import StrongroomError

ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")
WINDOW: Final = timedelta(seconds=60)
"""How far a proof's time may be from ours, either way."""
KEPT: Final = 2 * WINDOW + timedelta(seconds=10)
"""How long a proof is remembered: longer than it is valid."""
NONCE_STEP: Final = timedelta(minutes=5)
"""How often the nonce changes. The previous and the next are accepted as well, since clocks of hosts differ."""
NONCE_LENGTH: Final = 32
_TYPE: Final = "dpop+jwt"
_LENGTH_MAX: Final = 4096
_JTI_LENGTH_MAX: Final = 256
_RSA_BYTES_MIN: Final = 256
_RSA_BYTES_MAX: Final = 512
_CLAIMS: Final = ["jti", "htm", "htu", "iat"]
# By algorithm: the key type, its curve, and the members of its thumbprint (RFC 7638 3.2, RFC 8037 2).
_RSA: Final = ("RSA", None, ("e", "kty", "n"))
_KINDS: Final[dict[str, tuple[str, str | None, tuple[str, ...]]]] = {
    "ES256": ("EC", "P-256", ("crv", "kty", "x", "y")),
    "EdDSA": ("OKP", "Ed25519", ("crv", "kty", "x")),
    "PS256": _RSA,
    "RS256": _RSA,
}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class InvalidDpopProof(StrongroomError):
    """The DPoP proof is missing, was used before, or is not for this request."""

    code: ClassVar[str] = "invalid_dpop_proof"


class UseDpopNonce(InvalidDpopProof):
    """The DPoP proof must contain the nonce of this response's DPoP-Nonce header (RFC 9449 8): sign another."""

    code: ClassVar[str] = "use_dpop_nonce"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that fits its request: the key's thumbprint (RFC 7638), and a name that is unique to the proof."""

    jkt: str
    digest: bytes


def nonces(provider: Provider, *, now: datetime) -> tuple[str, ...]:
    """The nonces that are valid now (RFC 9449 8), first the one to hand out.

    They cannot be known in advance, so whoever had a key for a moment cannot have signed proofs for later.
    """
    step = int(now.timestamp() // NONCE_STEP.total_seconds())
    return tuple(provider.tag(f"dpop nonce {number}")[:NONCE_LENGTH] for number in (step, step - 1, step + 1))


def read(
    header: str,
    *,
    method: str,
    address: str,
    now: datetime,
    nonces: Collection[str | None],
    access_token: str | None = None,
) -> Proof:
    """Read the proof in a DPoP header and check it against its request (RFC 9449 4.3); replays are not checked here.

    It must contain one of `nonces`, or may have none where None is among them. With an `access_token` it must be a
    proof for that one. Raises InvalidDpopProof, UseDpopNonce.
    """
    if len(header) > _LENGTH_MAX:
        raise InvalidDpopProof("The DPoP proof is too long.")
    try:
        head = jwt.get_unverified_header(header)
        jwk = _public_key(head)
        algorithm = head["alg"]
        claims: dict[str, Any] = jwt.decode(
            header,
            jwt.PyJWK(jwk, algorithm=algorithm).key,
            algorithms=[algorithm],
            # The time is checked below, by `now`.
            options={"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                     "verify_aud": False},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError) as fault:
        raise InvalidDpopProof("The DPoP proof is no JWT signed with the public key that it carries.") from fault
    _check(claims, method=method, address=address, now=now)
    if access_token is not None and not _is_for(claims.get("ath"), access_token):
        raise InvalidDpopProof("ath of the DPoP proof is not the hash of the access token.")
    if claims.get("nonce") not in nonces:
        raise UseDpopNonce
    members = _KINDS[algorithm][2]
    jkt = _hashed(json.dumps({name: jwk[name] for name in members}, separators=(",", ":")).encode())
    return Proof(jkt, hashlib.sha256(f"{jkt} {claims['jti']}".encode("utf-8", "surrogatepass")).digest())


def remember(session: Session, proof: Proof, *, now: datetime) -> bool:
    """Record a proof; False if it was used before. For use while Redis, which usually keeps proofs, is down."""
    parameters = {"digest": proof.digest, "expires_at": now + KEPT}
    return session.execute(_REMEMBER, parameters).first() is not None


def _public_key(head: dict[str, Any]) -> dict[str, str]:
    """The public key in a proof. Raises InvalidDpopProof."""
    if head.get("typ") != _TYPE:
        raise InvalidDpopProof(f"typ of the DPoP proof must be {_TYPE}.")
    algorithm, jwk = head.get("alg"), head.get("jwk")
    if algorithm not in ALGORITHMS:
        raise InvalidDpopProof(f"alg of the DPoP proof must be one of {', '.join(ALGORITHMS)}.")
    kind, curve, members = _KINDS[algorithm]
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != (kind, curve):
        raise InvalidDpopProof("jwk of the DPoP proof is no key for its alg.")
    if not all(isinstance(jwk.get(name), str) for name in members):
        raise InvalidDpopProof("jwk of the DPoP proof is incomplete.")
    if jwk.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
        raise InvalidDpopProof("jwk of the DPoP proof must not hold a private key.")
    if kind == "RSA" and not _RSA_BYTES_MIN <= len(jwk["n"]) * 3 // 4 <= _RSA_BYTES_MAX:
        raise InvalidDpopProof("An RSA key must have 2048 to 4096 bits.")
    # Only the members of the thumbprint: any others are ignored.
    return {name: jwk[name] for name in members}


def _check(claims: dict[str, Any], *, method: str, address: str, now: datetime) -> None:
    jti, issued_at = claims["jti"], claims["iat"]
    if not isinstance(jti, str) or not 1 <= len(jti) <= _JTI_LENGTH_MAX:
        raise InvalidDpopProof(f"jti of the DPoP proof must be a text of {_JTI_LENGTH_MAX} characters at most.")
    if claims["htm"] != method:
        raise InvalidDpopProof("htm of the DPoP proof is not the method of this request.")
    if _normal(claims["htu"]) != _normal(address):
        raise InvalidDpopProof("htu of the DPoP proof is not the address of this request.")
    if not _is_about(issued_at, now):
        raise InvalidDpopProof("iat of the DPoP proof is not about now.")


def _is_about(issued_at: object, now: datetime) -> bool:
    """Whether a time in a proof is within the window; safe for NaN and for integers of any size."""
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool):
        return False
    return (now - WINDOW).timestamp() <= issued_at <= (now + WINDOW).timestamp()


def _is_for(ath: object, access_token: str) -> bool:
    wanted = _hashed(access_token.encode())
    return isinstance(ath, str) and hmac.compare_digest(ath.encode("utf-8", "replace"), wanted.encode())


def _normal(address: object) -> tuple[str, str, int | None, str] | None:
    """A URL without query and fragment, normalised (RFC 3986 6.2.2, 6.2.3)."""
    if not isinstance(address, str):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path or "/"


def _hashed(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


_REMEMBER = text(
    """
    INSERT INTO oauth_dpop_proofs (digest, expires_at) VALUES (:digest, :expires_at)
    ON CONFLICT (digest) DO NOTHING RETURNING digest
    """
)
