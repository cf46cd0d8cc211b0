"""What a provider of money answers, read exactly, within a time and a size, and never as a bug of ours."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from adapters.circle.notifications import CircleNotifications
from adapters.flutterwave.provider import FlutterwaveProvider
from adapters.provider_http import ProviderEndpoint, ProviderHttp
from domain.node_refusals import ChainUncertain, NodeBusy, NodeError
from domain.provider_facts import SUBSCRIPTION, Notification
from domain.providers import PROVIDERS, Custodian
from tests.fakes.json_service import JsonService, serving


@pytest.fixture
def service() -> Iterator[JsonService]:
    with serving() as made:
        yield made


@pytest.mark.parametrize(
    ("trouble", "refusal"),
    [
        ("garbage", ChainUncertain),
        ("nan", ChainUncertain),
        ("deep", ChainUncertain),
        ("huge", ChainUncertain),
        ("down", ChainUncertain),
        ("elsewhere", NodeError),
        ("hangs", ChainUncertain),
        ("trickles", ChainUncertain),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_a_doubt(
    service: JsonService, trouble: str, refusal: type[Exception]
) -> None:
    service.trouble, service.answer = trouble, {"data": "x" * 100}
    http = ProviderHttp(ProviderEndpoint(service.url, "key", timeout_s=0.3))
    with pytest.raises(refusal):
        http.get("/")
    http.close()
    assert service.asked == ["/"]


@pytest.mark.parametrize(
    ("said", "left_s"),
    [("120", 120), ("99999999999", 600), ("Fri, 31 Dec 2100 23:59:59 GMT", 600)],
)
@pytest.mark.parametrize("trouble", ["busy", "down"])
def test_a_provider_that_wants_to_be_left_alone_is_not_asked_meanwhile(
    service: JsonService, trouble: str, said: str, left_s: int
) -> None:
    service.trouble, service.retry_after, service.answer = trouble, said, {}
    http = ProviderHttp(ProviderEndpoint(service.url, "key"))
    with pytest.raises(NodeBusy if trouble == "busy" else ChainUncertain):
        http.get("/")
    service.trouble = ""
    with pytest.raises(NodeBusy) as refusal:
        http.get("/")
    assert left_s - 60 <= int(re.findall(r"(\d+) s more", str(refusal.value))[0]) <= left_s
    http.close()
    assert service.asked == ["/"]


@pytest.mark.parametrize("said", ["", "soon", "-5", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_provider_that_does_not_say_until_when_is_asked_again(service: JsonService, said: str) -> None:
    service.trouble, service.retry_after, service.answer = "busy", said, {}
    http = ProviderHttp(ProviderEndpoint(service.url, "key"))
    with pytest.raises(NodeBusy):
        http.get("/")
    service.trouble = ""
    assert http.get("/").is_ok
    http.close()


@pytest.mark.parametrize(
    ("said", "minor"),
    [("12345678901234567.89", 1234567890123456789), ("0.019", 1), ("1e400000000", None), ("1e99999", None)],
)
def test_an_amount_that_is_a_number_is_read_to_its_last_whole_unit_and_not_written_out(
    service: JsonService, said: str, minor: int | None
) -> None:
    service.answer = f'{{"status": "success", "data": {{"currency": "NGN", "available_balance": {said}}}}}'
    provider = FlutterwaveProvider(ProviderEndpoint(service.url, "key"), PROVIDERS["flutterwave"], callback_url="")
    if minor is None:
        with pytest.raises(ChainUncertain):
            provider.holding("NGN")
    else:
        assert provider.holding("NGN").trusted_minor == minor
        assert 0 <= Decimal(said) * 100 - minor < 1
    provider.close()


@pytest.mark.parametrize(
    ("trouble", "refusal"), [("huge", NodeError), ("elsewhere", NodeError), ("down", NodeError), ("", None)]
)
def test_what_amazon_answers_is_no_longer_than_a_certificate(
    service: JsonService, trouble: str, refusal: type[Exception] | None
) -> None:
    service.trouble, service.answer = trouble, {}
    rail = PROVIDERS["circle"]
    assert isinstance(rail, Custodian)
    reader = CircleNotifications(ProviderEndpoint(service.url, "key"), rail)
    offer = Notification("sns", "1", SUBSCRIPTION, "", confirm_url=service.url)
    if refusal is None:
        reader.confirm(offer)
    else:
        with pytest.raises(refusal):
            reader.confirm(offer)
    reader.close()
    assert service.asked == ["/"]
