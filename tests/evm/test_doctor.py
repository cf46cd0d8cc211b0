"""The doctor on chains of accounts: every node of a chain, its keys, and whether they belong together."""

from dataclasses import replace

import pytest

from adapters.evm.chain import EvmChain
from adapters.evm.keys import ExtendedPrivateKey
from tests.evm.world import PASSWORD, World
from wiring.chain_settings import ChainSettings
from wiring.container import build_container
from wiring.examining_rails import examine_rails
from wiring.finding import Finding
from wiring.secret import Secret
from wiring.settings import Settings

NOWHERE = "http://127.0.0.1:9/v3/a-key-that-nobody-may-read"


@pytest.fixture
def said(world: World) -> ChainSettings:
    return ChainSettings(
        "anvil",
        Secret(world.anvil.rpc_url),
        xpub=world.deposits.public().write(),
        keystore=world.keystore,
        keystore_password=Secret(PASSWORD),
        sweep_keystore=world.sweep_keystore,
        sweep_keystore_password=Secret(PASSWORD),
    )


def found(settings: Settings, said: ChainSettings) -> list[Finding]:
    container = build_container(replace(settings, chains=(said,)))
    findings = list(examine_rails(container))
    [chain] = container.chains.values()
    assert isinstance(chain, EvmChain)
    chain.close()
    container.engine.dispose()
    return findings


def wrong(findings: list[Finding]) -> list[str]:
    return [f"{one.subject}: {one.fact} {one.remedy}" for one in findings if one.state == "wrong"]


def test_a_chain_with_its_keys_is_well(settings: Settings, said: ChainSettings, world: World) -> None:
    world.fund(10**18)
    findings = found(settings, said)
    assert [(one.subject, one.state) for one in findings] == [("anvil", "ok"), ("wallet", "ok"), ("sweeps", "ok")]
    assert "1.000000000000000000 tETH to spend" in findings[1].fact


def test_a_second_node_that_is_down_is_named_without_its_key(settings: Settings, said: ChainSettings) -> None:
    [line] = wrong(found(settings, replace(said, more_rpc_urls=(Secret(NOWHERE),))))
    assert line.startswith("anvil: 127.0.0.1:9 ")
    assert "STRONGROOM_ANVIL_RPC_URL" in line
    assert "a-key" not in line


def test_a_node_of_another_chain_is_wrong(settings: Settings, said: ChainSettings) -> None:
    [line] = wrong(found(settings, replace(said, chain="base")))
    assert "serves chain 31337" in line
    assert "Point STRONGROOM_BASE_RPC_URL at a node of base" in line


def test_addresses_whose_key_is_another_one_are_wrong(settings: Settings, said: ChainSettings) -> None:
    other = ExtendedPrivateKey.generate().public().write()
    [line] = wrong(found(settings, replace(said, xpub=other)))
    assert "does not own" in line
    assert "STRONGROOM_ANVIL_SWEEP_KEYSTORE" in line


def test_a_keystore_that_does_not_open_is_wrong(settings: Settings, said: ChainSettings) -> None:
    [line] = wrong(found(settings, replace(said, keystore_password=Secret("another"))))
    assert "STRONGROOM_ANVIL_KEYSTORE_PASSWORD" in line
    [line] = wrong(found(settings, replace(said, sweep_keystore_password=Secret("another"))))
    assert "STRONGROOM_ANVIL_SWEEP_KEYSTORE_PASSWORD" in line


def test_a_host_that_does_not_sweep_or_give_out_addresses_is_told_so(settings: Settings, said: ChainSettings) -> None:
    findings = found(settings, replace(said, sweep_keystore=None))
    assert [one.state for one in findings if one.subject == "sweeps"] == ["note"]
    findings = found(settings, replace(said, xpub=None))
    assert [one.state for one in findings if one.subject == "addresses"] == ["note"]
