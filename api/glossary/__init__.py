"""Descriptions of the API's fields and parameters by name, where a schema gives none of its own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.glossary.answers import ANSWERS
from api.glossary.common import COMMON
from api.glossary.metadata import METADATA
from api.glossary.own import OWN

MEANINGS: Final[Mapping[str, str]] = MappingProxyType({**ANSWERS, **METADATA, **COMMON})
"""What a name means wherever nothing more specific is given."""


def explain(described: Mapping[str, Any]) -> None:
    """Add the meaning to each known field and parameter of an OpenAPI description that has none."""
    for name, schema in described["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            _explain(shape, f"{name}.{field}", field)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            known: dict[str, Any] = {"parameters": operation} if isinstance(operation, list) else operation
            for parameter in known.get("parameters", []):
                _explain(parameter, f"{path}.{parameter.get('name', '')}", parameter.get("name", ""))
            for content in known.get("requestBody", {}).get("content", {}).values():
                for field, shape in content["schema"].get("properties", {}).items():
                    _explain(shape, f"{path}.{field}", field)


def _explain(shape: dict[str, Any], own: str, common: str) -> None:
    meaning = OWN.get(own) or MEANINGS.get(common)
    # OpenAPI 3.0 readers ignore anything beside a `$ref`.
    if meaning and "$ref" not in shape:
        shape.setdefault("description", meaning)
