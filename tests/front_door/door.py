"""nginx for tests: the shipped configuration, a test certificate, and clients that trust it."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.waiting import eventually
from wiring.embedded import process

ROOT: Final = Path(__file__).resolve().parent.parent.parent
NAME: Final = "localhost"
PATIENCE_S: Final = 2
# What Debian's nginx.conf says around ours, as far as it matters, with nothing outside of the test's directory.
MAIN: Final = """
{user}
daemon off;
worker_processes 2;
worker_shutdown_timeout 20s;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 1024; }}
http {{
    types_hash_max_size 2048;
    default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    gzip on;
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/conf.d/*.conf;
}}
"""


class Door:
    """nginx between the outside and these processes. `start` it, `render` it anew and `reload` it, `stop` it."""

    def __init__(self, directory: Path, *, http_port: int, https_port: int) -> None:
        self.directory, self.http_port, self.https_port = directory, http_port, https_port
        self.acme = directory / "acme"
        self._server: subprocess.Popen[bytes] | None = None
        make_certificate(directory)
        self.trust = ssl.create_default_context(cafile=directory / "certificate.pem")
        user = "user root;" if os.getuid() == 0 else ""
        (directory / "nginx.conf").write_text(MAIN.format(directory=directory, user=user))

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.https_port}"

    def render(self, *, web: str, realtime: str, **more: str) -> None:
        """Render the configuration as an administrator does."""
        environ = os.environ | {
            "FRONT_NAME": NAME,
            "FRONT_WEB": web,
            "FRONT_REALTIME": realtime,
            "FRONT_CERTIFICATE": str(self.directory / "certificate.pem"),
            "FRONT_CERTIFICATE_KEY": str(self.directory / "key.pem"),
            "FRONT_ACME": str(self.acme),
            "FRONT_CACHE": str(self.directory / "cache"),
            "FRONT_LOG": str(self.directory / "access.log"),
            "FRONT_ADDRESS": "127.0.0.1",
            "FRONT_HTTP_PORT": str(self.http_port),
            "FRONT_HTTPS_PORT": str(self.https_port),
            "FRONT_PATIENCE_S": str(PATIENCE_S),
            **more,
        }
        subprocess.run(["sh", "nginx/render", str(self.directory)], cwd=ROOT, env=environ, check=True)

    def check(self) -> str:
        """The output of `nginx -t`, which must succeed."""
        answer = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stderr

    def start(self) -> None:
        self._server = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._listens, what=f"nginx: {self.errors()}")

    def reload(self) -> None:
        """Reload: new workers take over, and old ones finish their requests."""
        assert self._server is not None
        before = self.listening()
        self._server.send_signal(signal.SIGHUP)
        eventually(lambda: not before & self.listening(), what=f"new workers: {self.errors()}")
        eventually(self.listening, what=f"new workers: {self.errors()}")

    def stop(self) -> None:
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGTERM, patience_s=40)

    def listening(self) -> set[int]:
        """The process ids of the nginx workers that accept connections."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        return {int(child) for child in children if _title(child) == "nginx: worker process"}

    def client(self, *, address: str = "127.0.0.1", **options: object) -> httpx.Client:
        """A client with this source address."""
        transport = httpx.HTTPTransport(verify=self.trust, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=30, **options)  # type: ignore[arg-type]

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection without any request yet."""
        plain = socket.create_connection(("127.0.0.1", self.https_port), timeout=30)
        return (context or self.trust).wrap_socket(plain, server_hostname=NAME)

    def errors(self) -> str:
        log = self.directory / "error.log"
        return log.read_text()[-2000:] if log.exists() else ""

    def _command(self) -> list[str]:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert program is not None, "nginx is not installed: sh scripts/need nginx"
        return [program, "-p", str(self.directory), "-e", str(self.directory / "error.log"),
                "-c", str(self.directory / "nginx.conf")]  # fmt: skip

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.https_port), timeout=5).close()
        except OSError:
            return False
        return True


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().strip("\0 ")
    except FileNotFoundError:
        return "gone"


def make_certificate(directory: Path) -> None:
    """A self-signed certificate for NAME, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
