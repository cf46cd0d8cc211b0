"""What is wrong with the rails: nodes and their keys, providers, who is asked about claims, and prices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from domain.claim_reading import ClaimQuestion
from domain.money import format_amount
from domain.node_refusals import (
    ChainError,
    NodeRefused,
    NodeUnauthorised,
    NodeWarmingUp,
    NodeWrongChain,
    WalletLocked,
    WalletNotLoaded,
)
from domain.ports import Chain
from domain.provider_ports import Provider
from domain.rails import RAILS
from domain.verification import REASONS
from services import prices
from wiring.chain_settings import ChainSettings, chain_env
from wiring.chains import build_chains
from wiring.container import Container
from wiring.finding import Finding
from wiring.provider_families import FAMILIES
from wiring.provider_settings import ProviderSettings
from wiring.secret import Secret
from wiring.verification import build_verifiers

T = TypeVar("T")

BLOCK_AGE_MAX: Final = timedelta(hours=3)


def examine_rails(container: Container) -> Iterator[Finding]:
    """Every rail that is configured, and what their money is compared with. Changes nothing."""
    settings = container.settings
    if not settings.chains and not settings.providers:
        yield Finding(
            "rails", "note", "no chain is configured: no coin can come in or go out",
            "Set STRONGROOM_CHAINS, or install bitcoind or litecoind for a private test chain.",
        )  # fmt: skip
    for said in settings.chains:
        yield from _chain(said, container.chains[said.chain])
    for provider in settings.providers:
        yield from _provider(provider, container.providers[provider.chain])
    for one in settings.verify_chains:
        for url in one.urls:
            asked = replace(one, urls=(url,), quorum=1)
            with _for_a_moment(build_verifiers((asked,), ())[one.chain]) as reader:
                doubt = reader.read(_nobodys(one.chain)).doubt
            yield _answer_about_claims(one.chain, url, doubt)
    yield from _prices(container)


def _chain(said: ChainSettings, chain: Chain) -> Iterator[Finding]:
    name = said.chain
    nodes = [said] if not said.more_rpc_urls else [
        replace(said, rpc_url=url, more_rpc_urls=()) for url in (said.rpc_url, *said.more_rpc_urls)
    ]  # fmt: skip
    failed = 0
    for node in nodes:
        where = f"{_host(node.rpc_url)} " if len(nodes) > 1 else ""
        try:
            if len(nodes) == 1:
                yield from _node(name, where, chain)
                continue
            with _for_a_moment(build_chains((node,))[name]) as alone:
                yield from _node(name, where, alone)
        except ChainError as error:
            failed += 1
            yield Finding(name, "wrong", where + str(error), _remedy(name, error))
    if failed == len(nodes):
        return
    try:
        holding = chain.holding()
    except ChainError as error:
        yield Finding("wallet", "wrong", str(error), _remedy(name, error))
    else:
        spendable = format_amount(holding.trusted_minor, chain.rail.coin.decimals)
        yield Finding("wallet", "ok", f"loaded, {spendable} {chain.rail.coin.symbol} to spend")
    if chain.rail.has_accounts:
        yield from _keys(said, chain)


def _node(name: str, where: str, chain: Chain) -> Iterator[Finding]:
    facts, tip = chain.facts(), chain.tip()
    final = "" if tip.final_height is None else f", final up to {tip.final_height}"
    yield Finding(name, "ok", f"{where}{facts.software} at block {tip.height}{final}, {facts.peers} peers")
    age = datetime.now(UTC) - tip.median_time
    behind = tip.headers_height - tip.height
    if behind > 0 or (not chain.rail.is_private and (tip.in_initial_download or age > BLOCK_AGE_MAX)):
        yield Finding(
            name, "wrong", f"{where}lags: {behind} blocks to go, its newest is {age} old",
            "Wait until it has caught up, or see whether it has peers; until then nothing is credited.",
        )  # fmt: skip


def _keys(said: ChainSettings, chain: Chain) -> Iterator[Finding]:
    """Whether the keys of deposit addresses are here, and belong to the addresses that people are given."""
    if said.xpub is None:
        yield Finding(
            "addresses", "note", f"nobody can be given one on {said.chain}",
            f"Set {chain_env(said.chain, 'XPUB')} to the extended public key above them.",
        )  # fmt: skip
        return
    # Late: a house without such a chain does not load what only its adapter needs.
    from adapters.evm.chain import EvmChain

    if not isinstance(chain, EvmChain) or not chain.can_sweep:
        yield Finding(
            "sweeps", "note", f"what lies on deposit addresses of {said.chain} is not moved from this host",
            f"On the one host that does it, set {chain_env(said.chain, 'SWEEP_KEYSTORE')}.",
        )  # fmt: skip
        return
    try:
        chain.sweep_key(0)  # raises too when it is not the key above the addresses that are given out
    except ChainError as error:
        yield Finding("sweeps", "wrong", str(error), _remedy(said.chain, error, prefix="SWEEP_"))
        return
    yield Finding("sweeps", "ok", f"the keys of deposit addresses on {said.chain} are here")


def _provider(said: ProviderSettings, provider: Provider) -> Iterator[Finding]:
    held = []
    try:
        for asset in provider.rail.assets:
            holding = provider.holding(asset.contracts[0] if asset.contracts else "")
            held.append(f"{format_amount(holding.trusted_minor, asset.decimals)} {asset.symbol}")
    except ChainError as error:
        remedy = "See whether its service is up, and whether this host reaches it."
        if isinstance(error, NodeUnauthorised):
            remedy = f"Correct {chain_env(said.chain, 'API_KEY')}, or allow this host's address at the provider."
        yield Finding(said.chain, "wrong", str(error), remedy)
    else:
        yield Finding(said.chain, "ok", f"answers, and holds {', '.join(held)} for us")
    if said.webhook_secret is None and FAMILIES[provider.rail.family].needs_secret:
        yield Finding(
            said.chain, "note", "what it posts to us is refused: no secret is shared with it; polling finds the rest",
            f"Set {chain_env(said.chain, 'WEBHOOK_SECRET')} to the one that its dashboard has.",
        )  # fmt: skip


def _nobodys(chain: str) -> ClaimQuestion:
    hashes = RAILS[chain].hashes
    return ClaimQuestion("" if hashes is None else hashes.nobodys, MappingProxyType({}))


def _answer_about_claims(chain: str, url: Secret, doubt: str) -> Finding:
    where = f"{_host(url)}, asked about claims on {chain}"
    if doubt == "not_found":
        return Finding("claims", "ok", f"{where}, answers")
    return Finding(
        "claims", "wrong", f"{where}: {REASONS.get(doubt, doubt)}",
        f"Correct {chain_env(chain, 'VERIFY_URLS')} or {chain_env(chain, 'VERIFY_API_KEY')}; claims wait meanwhile.",
    )  # fmt: skip


def _prices(container: Container) -> Iterator[Finding]:
    try:
        with container.reading() as session:
            followed = prices.every(session, now=container.now())
    except SQLAlchemyError:
        return  # what is wrong with PostgreSQL, or with its schema, was said already
    for one in followed:
        if one.price is not None:
            sources = ", ".join(one.price.sources)
            yield Finding("prices", "ok", f"{one.rule.pair} is {one.price.price.normalize():f}, says {sources}")
        else:
            yield Finding(
                "prices", "note", f"{one.rule.pair} has no price to go by: {one.refusal}",
                "`python -m cli price show` tells what each source said last; the workers have to be running.",
            )  # fmt: skip


def _remedy(name: str, error: ChainError, *, prefix: str = "") -> str:
    address, keystore = chain_env(name, "RPC_URL"), chain_env(name, f"{prefix}KEYSTORE")
    is_bitcoin = RAILS[name].family == "bitcoin"
    match error:
        case NodeRefused():
            remedy = f"Start the node, or correct the host and port in {address}."
        case NodeUnauthorised() if is_bitcoin:
            remedy = f"Correct user and password in {address}, or allow this host with rpcallowip."
        case NodeUnauthorised():
            remedy = f"Correct the access key in {address}."
        case NodeWarmingUp():
            remedy = "It is starting: try again in a minute."
        case NodeWrongChain():
            remedy = f"Point {address} at a node of {name}, or list the right network in STRONGROOM_CHAINS."
        case WalletNotLoaded() if is_bitcoin:
            remedy = f"Correct {chain_env(name, 'WALLET')}, or start the workers once: they make the wallet."
        case WalletNotLoaded():
            remedy = f"Set {keystore} to the file of the encrypted key (`python -m cli key seal` makes one)."
        case WalletLocked() if not is_bitcoin:
            remedy = f"Correct {keystore}_PASSWORD, or the file that {keystore}_PASSWORD_FILE names."
        case _:
            remedy = "The node's own log says more (debug.log in its data directory)."
    return remedy


@contextmanager
def _for_a_moment(made: T) -> Iterator[T]:
    try:
        yield made
    finally:
        close = getattr(made, "close", None)
        if close is not None:
            close()


def _host(url: Secret) -> str:
    """What may be shown of an address: keys and passwords stand before and behind it."""
    parts = urlsplit(url.reveal())
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
