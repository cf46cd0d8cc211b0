"""An HTTPS server on loopback whose certificate is renewed while it runs."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


class SecureDoor:
    """Completes a TLS handshake with every client, with the current certificate."""

    def __init__(self, directory: Path) -> None:
        self.trusted = directory / "trusted.pem"
        self._directory = directory
        self._listener = socket.create_server((HOST, 0))
        self._context: ssl.SSLContext | None = None
        self._thread = Thread(target=self._greet, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self._listener.getsockname()[1]}"

    def show(self, *, until: datetime) -> None:
        """Present a new certificate, which expires then, and trust it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(days=365))
            .not_valid_after(until)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        shown, secret = certificate.public_bytes(serialization.Encoding.PEM), self._directory / "key.pem"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
        self.trusted.write_bytes(shown)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.trusted, secret)
        self._context = context

    def close(self) -> None:
        """Stop accepting, and return once no client is waiting."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _greet(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                if self._context is not None:
                    self._shake_hands(caller, self._context)

    def _shake_hands(self, caller: socket.socket, context: ssl.SSLContext) -> None:
        try:
            with context.wrap_socket(caller, server_side=True) as secured:
                secured.recv(1)
        except OSError:
            # Clients disconnect as soon as they have the certificate; some do not trust it.
            return


@contextmanager
def secure_door(directory: Path) -> Iterator[SecureDoor]:
    """An HTTPS server until the block ends."""
    door = SecureDoor(directory)
    yield door
    door.close()
