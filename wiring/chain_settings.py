"""The settings of each chain: where its nodes answer, and which keys are held for it here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.rails import RAILS
from wiring import parsing
from wiring.secret import Secret

PREFIX: Final = "STRONGROOM_"
POLL_INTERVAL_DEFAULT_S: Final = 0.5
_EVERY: Final = ("RPC_URL", "POLL_INTERVAL_S")
_PASSWORDS: Final = ("KEYSTORE_PASSWORD", "SWEEP_KEYSTORE_PASSWORD")
_OF_FAMILY: Final[Mapping[str, tuple[str, ...]]] = {
    "bitcoin": ("COOKIE_FILE", "WALLET", "ZMQ_URL"),
    "evm": ("XPUB", "KEYSTORE", "SWEEP_KEYSTORE", *_PASSWORDS, *(f"{name}_FILE" for name in _PASSWORDS)),
}


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """One configured chain: where its nodes listen and which wallet is the hot wallet."""

    chain: str
    rpc_url: Secret
    wallet: str = "strongroom"
    poll_interval_s: float = POLL_INTERVAL_DEFAULT_S
    zmq_url: str | None = None
    cookie_file: Path | None = None
    """The node writes its password here at each start; an alternative to one in `rpc_url`."""
    more_rpc_urls: tuple[Secret, ...] = ()
    """Further nodes, asked when the first does not answer; for the families whose nodes hold no wallet."""
    xpub: str | None = None
    """The extended public key that deposit addresses are derived from."""
    keystore: Path | None = None
    """The hot wallet's key, encrypted."""
    keystore_password: Secret | None = None
    sweep_keystore: Path | None = None
    """The extended private key above the deposit addresses, encrypted: on the one host that sweeps them."""
    sweep_keystore_password: Secret | None = None


def chain_env(chain: str, suffix: str) -> str:
    """The environment variable of one setting of one chain: litecoin-regtest, WALLET → STRONGROOM_LITECOIN_…"""
    return f"{PREFIX}{chain.upper().replace('-', '_')}_{suffix}"


def chain_names(environ: Mapping[str, str]) -> list[str]:
    """The chains that STRONGROOM_CHAINS lists, as it spells them."""
    return [name.strip() for name in environ.get(f"{PREFIX}CHAINS", "").split(",") if name.strip()]


def variables(names: list[str]) -> set[str]:
    """Every environment variable that may hold a setting of these chains."""
    return {
        chain_env(chain, suffix)
        for chain in names
        for suffix in (*_EVERY, *_OF_FAMILY.get(RAILS[chain].family if chain in RAILS else "bitcoin", ()))
    }


def read_chains(environ: Mapping[str, str], faults: list[str]) -> tuple[ChainSettings, ...]:
    """The chains that are listed; whatever is wrong with one is added to `faults`."""
    rails, names = [], chain_names(environ)
    for chain in names:
        refusal = parsing.unknown_network(chain)
        if refusal:
            faults.append(f"{PREFIX}CHAINS {refusal}")
            continue
        if RAILS[chain].family not in _OF_FAMILY:
            faults.append(f"{PREFIX}CHAINS names {chain!r}, which cannot be followed from here")
            continue
        if not environ.get(chain_env(chain, "RPC_URL"), "").strip():
            faults.append(f"{chain_env(chain, 'RPC_URL')} must be set: {chain} is listed in {PREFIX}CHAINS")
            continue
        try:
            rails.append(_chain(chain, environ))
        except ValueError as refusal_:
            faults.append(f"settings of {chain}: {refusal_}")
    if len(set(names)) != len(names):
        faults.append(f"{PREFIX}CHAINS names a network twice")
    return tuple(rails)


def chain_environ(rail: ChainSettings) -> dict[str, str]:
    """The variables that `read_chains` turns into these settings; they hold secrets in the clear."""
    said: dict[str, str | Path | None] = {
        "RPC_URL": ",".join(url.reveal() for url in (rail.rpc_url, *rail.more_rpc_urls)),
        "POLL_INTERVAL_S": str(rail.poll_interval_s),
        "ZMQ_URL": rail.zmq_url,
        "COOKIE_FILE": rail.cookie_file,
        "XPUB": rail.xpub,
        "KEYSTORE": rail.keystore,
        "KEYSTORE_PASSWORD": rail.keystore_password.reveal() if rail.keystore_password else None,
        "SWEEP_KEYSTORE": rail.sweep_keystore,
        "SWEEP_KEYSTORE_PASSWORD": rail.sweep_keystore_password.reveal() if rail.sweep_keystore_password else None,
    }
    if RAILS[rail.chain].family == "bitcoin":
        said["WALLET"] = rail.wallet
    return {
        chain_env(rail.chain, suffix): str(value.absolute() if isinstance(value, Path) else value)
        for suffix, value in said.items()
        if value is not None
    }


def _chain(chain: str, environ: Mapping[str, str]) -> ChainSettings:
    def told(suffix: str) -> str:
        return environ.get(chain_env(chain, suffix), "").strip()

    def path(suffix: str) -> Path | None:
        return parsing.path(told(suffix)) if told(suffix) else None

    first, *more = _addresses(chain, told("RPC_URL"))
    return ChainSettings(
        chain=chain,
        rpc_url=first,
        wallet=told("WALLET") or "strongroom",
        poll_interval_s=parsing.seconds(0.05, 3600)(told("POLL_INTERVAL_S") or str(POLL_INTERVAL_DEFAULT_S)),
        zmq_url=parsing.url("tcp", "ipc")(told("ZMQ_URL")) if told("ZMQ_URL") else None,
        cookie_file=path("COOKIE_FILE"),
        more_rpc_urls=tuple(more),
        xpub=told("XPUB") or None,
        keystore=path("KEYSTORE"),
        keystore_password=_password(told("KEYSTORE_PASSWORD"), path("KEYSTORE_PASSWORD_FILE")),
        sweep_keystore=path("SWEEP_KEYSTORE"),
        sweep_keystore_password=_password(told("SWEEP_KEYSTORE_PASSWORD"), path("SWEEP_KEYSTORE_PASSWORD_FILE")),
    )


def _addresses(chain: str, listed: str) -> list[Secret]:
    """Several addresses only where no node holds the wallet: only then can another node take over."""
    if RAILS[chain].family == "bitcoin":
        return [Secret(parsing.url("http", "https")(listed))]
    return [Secret(parsing.url("http", "https")(part.strip())) for part in listed.split(",") if part.strip()]


def _password(told: str, file: Path | None) -> Secret | None:
    if told:
        return Secret(told)
    if file is None:
        return None
    try:
        return Secret(file.read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ValueError(f"the password file cannot be read: {error.strerror}") from error
