"""What the environment says, read once into one frozen, typed object."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from domain.crash import CRASH_AT, CRASH_ONCE_IN
from wiring.chain_settings import (
    POLL_INTERVAL_DEFAULT_S,
    PREFIX,
    ChainSettings,
    chain_env,
    chain_names,
    read_chains,
    variables,
)
from wiring.generated_secrets import generated_secret
from wiring.parsing import SettingsRefused
from wiring.provider_settings import ProviderSettings, provider_names, provider_variables, read_providers
from wiring.secret import Secret
from wiring.settings_conflicts import conflicts
from wiring.settings_fields import Settings, env_name
from wiring.verify_settings import read_verifiers, verify_variables

__all__ = [
    "POLL_INTERVAL_DEFAULT_S",
    "PREFIX",
    "ChainSettings",
    "ProviderSettings",
    "Settings",
    "chain_env",
    "env_name",
    "read_settings",
]
_FOREIGN: Final = frozenset({CRASH_AT, CRASH_ONCE_IN})
"""Names with our prefix that something other than Settings reads."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that this environment describes.

    Raises SettingsRefused with every fault at once: unknown STRONGROOM_* names (with the nearest known one), values
    that cannot be read, and, in production, everything that has no value and must have one.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for item in fields(Settings):
        text = environ.get(env_name(item), "").strip()
        if item.name in {"chains", "providers", "verify_chains"} or not text:
            continue
        try:
            values[item.name] = item.metadata["parse"](text)
        except ValueError as refusal:
            faults.append(f"{env_name(item)} {refusal}")
    values["chains"] = read_chains(environ, faults)
    values["verify_chains"] = read_verifiers(environ, faults)
    values["providers"] = read_providers(environ, faults)
    _refuse_unknown(environ, faults)
    values.setdefault("environment", "development")
    values["var_dir"] = values.get("var_dir", Path("var")).absolute()
    faults.extend(conflicts(values))
    _complete(values, faults)
    if faults:
        raise SettingsRefused(faults)
    settings = Settings(**values)
    if "public_url" not in values:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        settings = replace(settings, public_url=f"http://{host}:{settings.web_port}")
        if "realtime_url" not in values:
            settings = replace(settings, realtime_url=f"http://{host}:{settings.realtime_port}")
    return settings


def _complete(values: dict[str, Any], faults: list[str]) -> None:
    """Refuse what production lacks; in development make up the secrets and keep them for the next start."""
    for item in fields(Settings):
        if item.name in values or not item.metadata["production"]:
            continue
        if values["environment"] == "production":
            faults.append(f"{env_name(item)} must be set in production: {item.metadata['doc']}")
        elif item.default is MISSING and not faults:
            values[item.name] = Secret(generated_secret(values["var_dir"], item.name))


def _refuse_unknown(environ: Mapping[str, str], faults: list[str]) -> None:
    known = {env_name(item) for item in fields(Settings)} | _FOREIGN
    known |= provider_variables(provider_names(environ))
    known |= variables(chain_names(environ)) | verify_variables(environ)
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            nearest = get_close_matches(name, known, n=1)
            faults.append(f"{name} is not a setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
