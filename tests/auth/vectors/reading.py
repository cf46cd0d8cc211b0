"""The vectors of other projects, read from beside this file."""

import json
from pathlib import Path
from typing import Any


def read(name: str) -> dict[str, list[dict[str, Any]]]:
    """One file of vectors, by section."""
    found: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name(f"{name}.json").read_text())
    return found
