"""Operators' controls over the chain observers, for all chains or one."""

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer
from api.v1.observers import Observer, shape
from models.chain import ChainCursor
from services import chains

blueprint = Blueprint("funding observers", __name__, description="Refresh, pause and resume all observers.")


class ChainQuery(StrictSchema):
    """Which chain's observer; all of them if it is left out."""

    chain = Text(load_default=None, length_max=40, metadata={"description": "One chain; without it, all of them."})


class ObserverList(ma.Schema):
    """The observers that were refreshed, paused or resumed."""

    observers = ma.fields.List(ma.fields.Nested(Observer), required=True)


@blueprint.post("/refresh-funding-observations")
@role("admin")
@blueprint.takes(ChainQuery, location="query")
@blueprint.answers(200, ObserverList)
def refresh_observations(query: dict[str, Any]) -> Response:
    """Observe all chains, or one, now instead of at the next turn."""
    return _act(chains.refresh, query["chain"])


@blueprint.post("/pause-funding-observer")
@role("admin")
@blueprint.takes(ChainQuery, location="query")
@blueprint.answers(200, ObserverList)
def pause_observer(query: dict[str, Any]) -> Response:
    """Pause the observers of all chains, or one: nothing is seen or credited until they are resumed."""
    return _act(chains.pause, query["chain"])


@blueprint.post("/resume-funding-observer")
@role("admin")
@blueprint.takes(ChainQuery, location="query")
@blueprint.answers(200, ObserverList)
def resume_observer(query: dict[str, Any]) -> Response:
    """Resume the observers of all chains, or one, from where they stopped."""
    return _act(chains.resume, query["chain"])


def _act(control: Callable[..., ChainCursor], chain: str | None) -> Response:
    parts = container()
    with parts.transaction() as session:
        named = [chain] if chain is not None else [cursor.chain for cursor in chains.every(session)]
        cursors = [control(session, name, now=parts.now(), by=operator()) for name in named]
        session.flush()
        body = {"observers": [shape(cursor) for cursor in cursors]}
    return json_answer(body)
