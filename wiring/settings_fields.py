"""Everything that a process may be told from outside, each with how it is read and what it means."""

from dataclasses import MISSING, Field, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from wiring import parsing
from wiring.chain_settings import PREFIX, ChainSettings
from wiring.parsing import Parser, SettingsRefused
from wiring.provider_settings import ProviderSettings
from wiring.secret import Secret
from wiring.verify_settings import VerifySettings


def _setting(
    parse: Parser[Any],
    doc: str,
    *,
    default: Any = MISSING,
    env: str | None = None,
    production: bool = False,
) -> Any:
    """One setting: how its text is read, what it means, and whether production must name it."""
    metadata = {"parse": parse, "doc": doc, "env": env, "production": production}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


# ruff: noqa: RUF009 - _setting() makes a dataclass field, which is what ruff asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a process may be told from outside. Secrets are `Secret`; nothing is read later."""

    environment: str = _setting(
        parsing.one_of("development", "production"),
        "`production` demands every secret and address by name; `development` makes up what is missing under ./var.",
        default="development",
    )
    var_dir: Path = _setting(parsing.path, "Where embedded services and generated secrets live.", default=Path("var"))
    database_url: Secret | None = _setting(
        parsing.secret_url("postgresql"),
        "PostgreSQL, as the application's lesser role. None: Strongroom starts its own.",
        default=None,
        env="DATABASE_URL",
        production=True,
    )
    migration_database_url: Secret | None = _setting(
        parsing.secret_url("postgresql"),
        "PostgreSQL, as the role that owns the tables and migrates them. None: the same as DATABASE_URL.",
        default=None,
    )
    redis_url: Secret | None = _setting(
        parsing.redis_url,
        "Redis: broker, bus and cache take the database it names (0 if none) and the next two. None: Strongroom's own.",
        default=None,
        env="REDIS_URL",
        production=True,
    )
    secret_key: Secret = _setting(
        parsing.secret_of(characters_min=32), "Signs cookies and cross-site tokens; 32 characters or more.",
        production=True,
    )  # fmt: skip
    flower_password: Secret = _setting(
        parsing.secret_of(characters_min=16), "Opens the task monitor, as user `strongroom`.", production=True
    )
    public_url: str = _setting(
        parsing.origin("http", "https"),
        "How browsers and wallets reach this installation; in development, the web process itself unless it is said.",
        default="http://127.0.0.1:8080",
        production=True,
    )
    realtime_url: str | None = _setting(
        parsing.origin("http", "https"),
        "How browsers reach Socket.IO: behind the shipped nginx as STRONGROOM_PUBLIC_URL, the default if that is set; "
        "without it, the realtime process itself.",
        default=None,
    )
    turn_urls: str = _setting(
        parsing.text, "The TURN servers of calls, comma-separated: turn:turn.example:3478 …", default=""
    )
    turn_secret: Secret | None = _setting(
        parsing.secret_of(characters_min=16), "What the TURN servers know as `static-auth-secret`.", default=None
    )
    host: str = _setting(parsing.text, "The address that web, realtime and Flower listen on.", default="127.0.0.1")
    web_port: int = _setting(parsing.integer(1, 65535), "Pages and the API.", default=8080)
    realtime_port: int = _setting(parsing.integer(1, 65535), "Socket.IO.", default=8081)
    flower_port: int = _setting(parsing.integer(1, 65535), "The task monitor.", default=5555)
    web_workers: int = _setting(parsing.integer(1, 64), "Web processes on this host.", default=2)
    worker_concurrency: int = _setting(parsing.integer(1, 64), "Task processes of each worker here.", default=2)
    metrics_token: Secret | None = _setting(
        parsing.secret_of(characters_min=16),
        "What Prometheus shows as bearer token to be answered. None: it is answered on this very host alone.",
        default=None,
    )
    metrics_port: int | None = _setting(
        parsing.integer(1, 65535),
        "Where a worker, or beat, answers Prometheus; `cli run` counts on from it for each. None: nowhere.",
        default=None,
    )
    otlp_endpoint: str | None = _setting(
        parsing.url("http", "https"),
        "An OpenTelemetry collector that gets traces by OTLP over HTTP, such as http://127.0.0.1:4318. None: none.",
        default=None,
        env="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    trusted_proxies: int = _setting(
        parsing.integer(0, 5), "How many proxies in front append to X-Forwarded-For; 0 ignores the header.", default=0
    )
    log_level: str = _setting(
        parsing.one_of("debug", "info", "warning", "error"), "The least that is logged.", default="info"
    )
    log_format: str = _setting(
        parsing.one_of("auto", "pretty", "json"), "`auto`: pretty on a terminal, else JSON.", default="auto"
    )
    database_pool_size: int = _setting(
        parsing.integer(1, 200), "Connections that one process may hold.", default=10
    )  # fmt: skip
    statement_timeout_s: float = _setting(
        parsing.seconds(0.1, 600), "A statement that takes longer is refused by PostgreSQL.", default=15.0
    )
    lock_timeout_s: float = _setting(
        parsing.seconds(0.1, 600), "Waiting longer than this for a row lock is refused by PostgreSQL.", default=10.0
    )
    session_hours: int = _setting(parsing.integer(1, 720), "How long a sign-in lasts.", default=24)
    session_idle_minutes: int = _setting(
        parsing.integer(5, 43_200), "A session that nobody used for so long has ended.", default=720
    )
    sign_in_limit: int = _setting(
        parsing.integer(1, 1_000_000), "Attempts to sign in that one address has in a minute.", default=60
    )
    user_limit: int = _setting(
        parsing.integer(1, 1_000_000), "The same for one key, user or app, wherever they come from.", default=30
    )
    read_limit: int = _setting(
        parsing.integer(1, 1_000_000), "Looks at a sign-in under way that one address has in a minute.", default=600
    )
    sign_in_fails_open: bool = _setting(
        parsing.boolean, "Whether people may sign in, without limits, while Redis is down.", default=False
    )
    reads_fail_open: bool = _setting(
        parsing.boolean, "Whether a sign-in under way may be looked at, without limits, while Redis is down.",
        default=True,
    )  # fmt: skip
    dpop_nonces: bool = _setting(
        parsing.boolean, "Whether an app that proves a key (DPoP) must sign a nonce of this house.", default=True
    )
    open_registration: bool = _setting(
        parsing.boolean, "Whether anyone may register an app, rather than people who are signed in.", default=False
    )
    webhook_private: bool = _setting(
        parsing.boolean,
        "Whether webhooks may go to http and to private addresses: for development, since it opens what is inside.",
        default=False,
    )
    alert_heartbeat_url: Secret | None = _setting(
        parsing.secret_url("http", "https"),
        "What is told (POST) after each round in which alerts were looked for, so that somebody outside notices when "
        "there are no more rounds: a dead man's switch. Under the rules of webhooks.",
        default=None,
    )
    smtp_host: str | None = _setting(parsing.text, "The mail server; without one, nobody is written to.", default=None)
    smtp_port: int = _setting(parsing.integer(1, 65535), "Where it listens.", default=587)
    smtp_security: str = _setting(
        parsing.one_of("starttls", "tls", "none"), "How the connection is kept private.", default="starttls"
    )
    smtp_username: str | None = _setting(parsing.text, "As whom to sign in there; nobody if not set.", default=None)
    smtp_password: Secret | None = _setting(parsing.secret_of(characters_min=1), "With which password.", default=None)
    mail_from: str = _setting(parsing.text, "Whom letters are from.", default="Strongroom <strongroom@localhost>")
    private_node: bool = _setting(
        parsing.boolean,
        "Whether development without STRONGROOM_CHAINS starts a regtest node of its own, if this machine has one.",
        default=True,
    )
    screening_url: Secret | None = _setting(
        parsing.screening_url,
        "A service that is asked about senders, with {address} and perhaps {chain} in it. None: our own list alone.",
        default=None,
    )
    screening_token: Secret | None = _setting(
        parsing.secret_of(characters_min=1), "What that service knows us by.", default=None
    )
    screening_header: str = _setting(parsing.text, "The header in which it wants that.", default="X-API-Key")
    screening_hit_path: str = _setting(
        parsing.text,
        "Where its answer says whether there is something against an address: true, or a list with anything in it.",
        default="identifications",
    )
    screening_timeout_s: float = _setting(
        parsing.seconds(0.1, 60), "How long it may take; a deposit waits when it takes longer.", default=5.0
    )
    price_keys: tuple[tuple[str, Secret], ...] = _setting(
        parsing.named_secrets,
        "What sources of prices know us by: name=key, separated by commas, under the names of `cli price source`.",
        default=(),
    )
    plain_http_hosts: str = _setting(
        parsing.text,
        "Hosts elsewhere that keys and passwords may be sent to over plain http, separated by commas: those that "
        "a tunnel or a network of your own leads to. This host and private addresses need not be named.",
        default="",
    )
    chains: tuple[ChainSettings, ...] = _setting(
        parsing.text,
        "Comma-separated networks, each with its STRONGROOM_<NETWORK>_RPC_URL, _COOKIE_FILE, _KEYSTORE and so on.",
        default=(),
    )

    verify_chains: tuple[VerifySettings, ...] = _setting(
        parsing.text,
        "Comma-separated chains on which claimed payments are verified, each with its STRONGROOM_<CHAIN>_VERIFY_URLS.",
        default=(),
    )

    providers: tuple[ProviderSettings, ...] = _setting(
        parsing.text,
        "Comma-separated providers (circle, flutterwave and so on), each with its STRONGROOM_<PROVIDER>_API_KEY, "
        "_WEBHOOK_SECRET, _POLL_INTERVAL_S and _URL, and what only its family has: Circle _WALLET_ID.",
        default=(),
    )

    @property
    def is_production(self) -> bool:
        """Whether missing secrets are refused rather than made up."""
        return self.environment == "production"

    @property
    def socket_origin(self) -> str:
        """Where browsers find Socket.IO."""
        return self.realtime_url or self.public_url

    def redis_database(self, place: int) -> Secret:
        """The address of one of the three databases: 0 broker, 1 bus, 2 cache, counted from the one in REDIS_URL.

        Raises SettingsRefused when there is no Redis.
        """
        if self.redis_url is None:
            raise SettingsRefused(["REDIS_URL is not set and no embedded Redis was started"])
        parts = urlsplit(self.redis_url.reveal())
        first = int(parts.path.strip("/") or 0)
        return Secret(urlunsplit(parts._replace(path=f"/{first + place}")))


def env_name(item: "Field[Any]") -> str:
    """The environment variable that a field of Settings is read from."""
    return str(item.metadata["env"] or PREFIX + item.name.upper())
