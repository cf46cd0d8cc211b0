"""Circle in the wire format of its documentation: wallets, addresses, transfers, notifications in three schemes."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from domain.base58 import encode_base58
from tests.fakes.serving import JsonServer

KEY, WALLET, SECRET = "TEST_API_KEY:1:2", "1000216185", "relay-secret"
TOPIC = "arn:aws:sns:us-east-1:908968368384:sandbox_platform-notifications-topic"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"
CONFIRM_URL = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336"


class Delivery(NamedTuple):
    """One request to be posted to us."""

    topic: str
    headers: Mapping[str, str]
    body: bytes


class FakeCircle:
    """One account with one wallet. `completes` decides the outcome of outgoing transfers."""

    def __init__(self) -> None:
        self.server = JsonServer(self._handle, key=KEY)
        self.transfers: dict[str, dict[str, Any]] = {}
        self.made: dict[str, dt.datetime] = {}
        self.by_key: dict[str, str] = {}
        self.bodies: dict[str, Any] = {}
        self.balance_minor = 0
        self.refuses, self.refusal_code = "", 2
        self.hidden: set[str] = set()
        self.clock = dt.datetime.now(UTC) - timedelta(hours=1)
        self.key_id = str(uuid4())
        self.signing = ec.generate_private_key(ec.SECP256R1())
        self.sns_signing, self.sns_certificate = _amazon()
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return self.server.url

    def stop(self) -> None:
        self.server.stop()

    # ------------------------------------------------------------------------------------------ what happens there

    def arrives(self, address: str, amount: str, status: str = "complete") -> str:
        """Pay one of our addresses, given with its chain. Returns the transfer's id."""
        network, _, bare = address.partition(":")
        transfer_id = str(uuid4())
        with self.server.lock:
            self._advance(transfer_id)
            self.transfers[transfer_id] = {
                "id": transfer_id,
                "source": {"type": "blockchain", "chain": network},
                "destination": {"type": "wallet", "id": WALLET, "address": bare.lower() if bare[:2] == "0x" else bare},
                "amount": {"amount": amount, "currency": "USD"},
                "transactionHash": f"0x{uuid4().hex}",
                "status": status,
                "createDate": self.clock.isoformat().replace("+00:00", "Z"),
            }
            self.balance_minor += _minor(amount) if status == "complete" else 0
        return transfer_id

    def decides(self, transfer_id: str, status: str, *, error: str = "", fee: str = "") -> None:
        """Decide the outcome of a transfer, in or out."""
        with self.server.lock:
            told = self.transfers[transfer_id]
            amount, goes_out = _minor(told["amount"]["amount"]), told["source"]["type"] == "wallet"
            if fee:
                told["fees"] = [{"amount": fee, "currency": "USD", "type": "network"}]
                self.balance_minor -= _minor(fee)
            before, told["status"] = told["status"], status
            if error:
                told["errorCode"] = error
            if goes_out and status == "failed" and before != "failed":
                self.balance_minor += amount
            if not goes_out and status == "complete" and before != "complete":
                self.balance_minor += amount

    def outgoing(self) -> list[dict[str, Any]]:
        return [told for told in self.transfers.values() if told["source"]["type"] == "wallet"]

    # -------------------------------------------------------------------------------------------- what it posts

    def notification(self, transfer_id: str, kind: str = "transfers") -> Delivery:
        """A notification of version 2, with an id of its own."""
        said = {
            "subscriptionId": str(uuid4()),
            "notificationId": str(uuid4()),
            "notificationType": kind,
            "notification": self.transfers.get(transfer_id, {"id": transfer_id}),
            "timestamp": self.clock.isoformat(),
            "version": 2,
        }
        return self.signed(json.dumps(said).encode())

    def signed(self, body: bytes, topic: str = "transfers") -> Delivery:
        signature = base64.b64encode(self.signing.sign(body, ec.ECDSA(hashes.SHA256()))).decode()
        return Delivery(topic, {"X-Circle-Signature": signature, "X-Circle-Key-Id": self.key_id}, body)

    def sns(self, transfer_id: str, *, version: str = "1", **changes: str) -> Delivery:
        """A notification of version 1: an SNS message around `{"notificationType", "transfer"}`."""
        inner = {"clientId": str(uuid4()), "notificationType": "transfers", "version": 1}
        message = {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": TOPIC,
            "Message": json.dumps({**inner, "transfer": self.transfers.get(transfer_id, {"id": transfer_id})}),
            "Timestamp": "2026-11-01T12:00:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE_URL,
            **changes,
        }
        return self._sns_signed(message, ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"))

    def subscription(self, **changes: str) -> Delivery:
        """SNS's request to confirm a subscription."""
        message = {
            "Type": "SubscriptionConfirmation",
            "MessageId": str(uuid4()),
            "Token": "2336",
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe to the topic",
            "SubscribeURL": CONFIRM_URL,
            "Timestamp": "2026-11-01T12:00:00.000Z",
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE_URL,
            **changes,
        }
        names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        return self._sns_signed(message, names)

    def relayed(self, transfer_id: str) -> Delivery:
        """A notification of the third scheme, signed by a relay in front of us."""
        said = {"notificationId": str(uuid4()), "notificationType": "transfers", "transfer": {"id": transfer_id}}
        body = json.dumps(said).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return Delivery("transfers", {"X-Webhook-Signature": signature}, body)

    def forged(self, transfer_id: str) -> Delivery:
        """A notification of version 2 with the right key id and somebody else's signature."""
        genuine = self.notification(transfer_id)
        signature = base64.b64encode(_stranger().sign(genuine.body, ec.ECDSA(hashes.SHA256()))).decode()
        return genuine._replace(headers={**genuine.headers, "X-Circle-Signature": signature})

    def amazon(self, address: str) -> bytes:
        """The content at a URL of Amazon's."""
        self.fetched.append(address)
        return self.sns_certificate if address == CERTIFICATE_URL else b"<ConfirmSubscriptionResponse/>"

    # ------------------------------------------------------------------------------------------------- the wire

    def _handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        exactly: dict[tuple[str, str], Callable[[], tuple[int, Any]]] = {
            ("POST", "/v1/transfers"): lambda: self._transfer(body),
            ("GET", "/v1/transfers"): lambda: (200, {"data": self._list(query)}),
            ("GET", f"/v1/wallets/{WALLET}"): self._wallet,
            ("POST", f"/v1/wallets/{WALLET}/addresses"): lambda: self._address(body),
            ("GET", f"/v2/notifications/publicKey/{self.key_id}"): self._key,
        }
        if (method, path) in exactly:
            return exactly[method, path]()
        told = self.transfers.get(path.removeprefix("/v1/transfers/"))
        return (200, {"data": told}) if told else (404, {"code": 404, "message": "Not found."})

    def _wallet(self) -> tuple[int, Any]:
        amount = f"{self.balance_minor // 10**6}.{self.balance_minor % 10**6:06d}"
        return 200, {"data": {"walletId": WALLET, "balances": [{"amount": amount, "currency": "USD"}]}}

    def _address(self, body: Any) -> tuple[int, Any]:
        spelled = encode_base58(uuid4().bytes * 2) if body["chain"] == "SOL" else f"0x{uuid4().hex}{uuid4().hex[:8]}"
        return 201, {"data": {"address": spelled, "currency": body["currency"], "chain": body["chain"]}}

    def _key(self) -> tuple[int, Any]:
        public = self.signing.public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        encoded = base64.b64encode(der).decode()
        return 200, {"data": {"id": self.key_id, "algorithm": "ECDSA_SHA_256", "publicKey": encoded}}

    def _transfer(self, body: Any) -> tuple[int, Any]:
        key = body["idempotencyKey"]
        if key in self.by_key:
            if self.bodies[key] != body:
                return 409, {"code": 4, "message": "another request had this key"}
            return 200, {"data": self.transfers[self.by_key[key]]}
        if self.refuses:
            return 400, {"code": self.refusal_code, "message": self.refuses}
        transfer_id = str(uuid4())
        self._advance(transfer_id)
        self.by_key[key], self.bodies[key] = transfer_id, body
        self.balance_minor -= _minor(body["amount"]["amount"])
        self.transfers[transfer_id] = {
            "id": transfer_id,
            "source": body["source"],
            "destination": body["destination"],
            "amount": body["amount"],
            "status": "pending",
            "createDate": self.clock.isoformat().replace("+00:00", "Z"),
        }
        return 201, {"data": self.transfers[transfer_id]}

    def _list(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Newest first, from and to inclusive, behind the id of `pageAfter`."""
        begin = dt.datetime.fromisoformat(query.get("from", "2000-01-01T00:00:00Z"))
        end = dt.datetime.fromisoformat(query.get("to", "2999-01-01T00:00:00Z"))
        side = "source" if "sourceWalletId" in query else "destination"
        rows = [
            told
            for transfer_id, told in reversed(self.transfers.items())
            if told[side].get("id") == query[f"{side}WalletId"] and transfer_id not in self.hidden
            if begin <= self.made[transfer_id] <= end
        ]
        after = query.get("pageAfter")
        if after:
            rows = rows[[told["id"] for told in rows].index(after) + 1 :]
        return rows[: int(query["pageSize"])]

    def _sns_signed(self, message: dict[str, str], names: tuple[str, ...]) -> Delivery:
        signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message).encode()
        digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
        signature = self.sns_signing.sign(signed, padding.PKCS1v15(), digest)
        message["Signature"] = base64.b64encode(signature).decode()
        return Delivery("transfers", {}, json.dumps(message).encode())

    def _advance(self, transfer_id: str) -> None:
        self.clock += timedelta(milliseconds=17)
        self.made[transfer_id] = self.clock


def _minor(amount: str) -> int:
    whole, _, rest = amount.partition(".")
    return int(whole) * 10**6 + int(f"{rest:0<6}")


@cache
def _stranger() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begin = dt.datetime.now(UTC) - timedelta(days=365)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return key, certificate.public_bytes(serialization.Encoding.PEM)
