"""The reverse of reading settings: the environment that tells a child process what its parent knows."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from wiring.chain_settings import PREFIX, chain_environ
from wiring.provider_settings import provider_environ
from wiring.secret import Secret
from wiring.settings import Settings, env_name
from wiring.verify_settings import verify_environ


def to_environ(settings: Settings) -> dict[str, str]:
    """The variables that `read_settings` turns into these settings; they hold secrets in the clear."""
    environ = {
        env_name(item): _text(getattr(settings, item.name))
        for item in fields(Settings)
        if item.name not in {"chains", "providers", "verify_chains"} and getattr(settings, item.name) is not None
    }
    environ[f"{PREFIX}CHAINS"] = ",".join(rail.chain for rail in settings.chains)
    for rail in settings.chains:
        environ |= chain_environ(rail)
    environ[f"{PREFIX}PROVIDERS"] = ",".join(provider.chain for provider in settings.providers)
    for provider in settings.providers:
        environ |= provider_environ(provider)
    return environ | verify_environ(settings.verify_chains)


def _text(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, tuple):
        return ",".join(f"{name}={secret.reveal()}" for name, secret in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.resolve() if isinstance(value, Path) else value)
