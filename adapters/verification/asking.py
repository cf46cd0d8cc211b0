"""Requests to providers and their answers, from the network or from stored evidence."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from domain.claim_reading import Exchange

OK: Final = 200
NOT_FOUND: Final = 404


class ProviderFailed(Exception):
    """The provider did not answer, or its answer cannot be read. This proves nothing about the payment."""


class EvidenceMissing(ProviderFailed):
    """There is no stored answer to this request."""


class Request(NamedTuple):
    """A path below the provider's address, and the body to POST; None is a GET."""

    path: str
    body: Any = None

    def spelled(self) -> str:
        """The request in a canonical spelling."""
        return json.dumps([self.path, self.body], sort_keys=True)


class Answer(NamedTuple):
    """The HTTP status and the JSON, with fractions as text so that none is rounded."""

    status: int
    body: Any


class Ask(Protocol):
    """Gets the answer to a request. Raises ProviderFailed."""

    def __call__(self, request: Request) -> Answer:
        """The answer, whatever its status."""
        ...


def parse_json(text: str) -> Any:
    """JSON whose fractions stay text. Raises ProviderFailed."""
    try:
        return json.loads(text, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise ProviderFailed("the answer is not JSON") from fault


def fetched(ask: Ask, path: str, body: Any = None) -> Any:
    """The document at a REST path; None for 404. Raises ProviderFailed for any other status."""
    answer = ask(Request(path, body))
    if answer.status == NOT_FOUND:
        return None
    if answer.status != OK:
        raise ProviderFailed(f"HTTP {answer.status}")
    return answer.body


class RpcRefused(ProviderFailed):
    """A JSON-RPC server understood the call and refused it."""

    def __init__(self, code: Any) -> None:
        super().__init__(f"refused with code {str(code)[:20]}")
        self.code = code


def called(ask: Ask, *calls: tuple[str, list[Any]]) -> list[Any]:
    """The results of these JSON-RPC calls, made in one request; a refused one is an RpcRefused in its place."""
    body = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(calls)
    ]
    answer = ask(Request("", body)).body
    if not isinstance(answer, list):
        raise ProviderFailed("the calls were refused together")
    by_id = {one.get("id"): one for one in answer if isinstance(one, dict)}
    return [_result(by_id.get(place)) for place in range(len(calls))]


def demanded(results: Iterable[Any]) -> list[Any]:
    """These results, none of which may be a refusal."""
    found = list(results)
    for one in found:
        if isinstance(one, RpcRefused):
            raise one
    return found


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads and JSON does not have."""
    raise ValueError(constant)


def _result(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise ProviderFailed("an answer is missing")
    error = answer.get("error")
    if error is not None:
        return RpcRefused(error.get("code") if isinstance(error, dict) else None)
    if "result" not in answer:
        raise ProviderFailed("an answer holds neither a result nor an error")
    return answer["result"]


@dataclass
class Remembered:
    """Answers from evidence: each stored exchange of one provider is used once, in the original order."""

    exchanges: Sequence[Exchange]

    def __post_init__(self) -> None:
        self._left = list(self.exchanges)

    def __call__(self, request: Request) -> Answer:
        """The stored answer to this request. Raises EvidenceMissing, or the failure that was recorded."""
        spelled = request.spelled()
        for place, exchange in enumerate(self._left):
            if exchange.request == spelled:
                del self._left[place]
                if exchange.answer is None:
                    raise ProviderFailed(exchange.failure)
                return Answer(exchange.status, parse_json(exchange.answer))
        raise EvidenceMissing(f"there is no stored answer to {spelled[:100]}")
