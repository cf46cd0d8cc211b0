"""The table of error codes in docs/errors.md: `python -m api.error_table` prints it, with --write it is written."""

import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

from api.statuses import HTTP_ERRORS, status_of
from domain.errors import StrongroomError

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
_PACKAGES: Final = ("domain", "services", "auth", "adapters", "api")
_HEAD: Final = """# Error codes

Every refusal of the API has this shape, and `error` is one of the codes below. Codes are stable; the words around them
are not. `fields` is there when the refusal is about particular fields of the request.

```json
{
  "error": "invalid_amount",
  "error_description": "amount: must be more than zero",
  "timestamp": "2026-01-31T12:00:00.000Z",
  "request_id": "4b1c0f6f9f0e4f5f8f2f0a7f3c1d2e3f",
  "fields": {"amount": ["must be more than zero"]}
}
```

The same codes say why an approved withdrawal waits (`waiting_reason`) and what is wrong with a chain's node (`error` of
an observer). Those with status 500 are said between parts of Strongroom: an answer says `internal_error` instead. This
page is written by `python -m api.error_table --write`; a test fails when it is out of date.

| code | status | meaning |
|---|---|---|
"""


def refusals() -> list[type[StrongroomError]]:
    """Every error class of ours, found by importing all modules."""
    for name in _PACKAGES:
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            import_module(module.name)
    ours = [kind for kind in _below(StrongroomError) if kind.__module__.split(".")[0] in _PACKAGES]
    return sorted(ours, key=lambda kind: (kind.code, kind.__module__))


def render() -> str:
    """The page as it should be."""
    rows = {(code, status, meaning) for code, (status, meaning) in HTTP_ERRORS.items()}
    rows |= {(kind.code, status_of(kind), _meaning(kind)) for kind in refusals()}
    return _HEAD + "".join(f"| `{code}` | {status} | {meaning} |\n" for code, status, meaning in sorted(rows))


def _below(kind: type[StrongroomError]) -> set[type[StrongroomError]]:
    found = set(kind.__subclasses__())
    return found.union(*(_below(child) for child in found))


def _meaning(kind: type[StrongroomError]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(render())
    else:
        sys.stdout.write(render())
