"""What a provider of money answers, read exactly, within a time and a size, and never as a bug of ours."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from adapters.circle.notifications import CircleNotifications
from adapters.flutterwave.provider import FlutterwaveProvider
from adapters.provider_http import ProviderEndpoint, ProviderHttp
from domain.node_refusals import ChainUncertain, NodeError
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
    ("said", "minor"),
    [("12345678901234567.89", 1234567890123456789), ("0.005", None), ("1e400000000", None), ("1e99999", None)],
)
def test_an_amount_that_is_a_number_is_not_rounded_nor_written_out(
    service: JsonService, said: str, minor: int | None
) -> None:
    service.answer = f'{{"status": "success", "data": {{"currency": "NGN", "available_balance": {said}}}}}'
    provider = FlutterwaveProvider(ProviderEndpoint(service.url, "key"), PROVIDERS["flutterwave"], callback_url="")
    if minor is None:
        with pytest.raises(ChainUncertain):
            provider.holding("NGN")
    else:
        assert provider.holding("NGN").trusted_minor == minor
        assert Decimal(said) * 100 == minor
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
