"""Where a webhook may lead, what it is told, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from domain import webhooks
from domain.public_addresses import is_public
from domain.webhooks import InvalidWebhookKind, InvalidWebhookUrl

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INSIDE = (
    "127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "192.0.0.192", "168.63.129.16", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:7f00:1::", "2001:db8::1", "100::1",
    "2001:0000:4136:e378:8000:63bf:80ff:fffe",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https://u:p@example.com/", "https://example.com/#a",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://localhost/", "https://printer/",
        "https://db.internal/", "https://example.com:port/",
        "https://exa mple.com/", "https://example.com/" + "a" * 2048,
        "https://exämple.com/", "https://example.com/\n", "https://[::1/",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(InvalidWebhookUrl):
        webhooks.checked_url(url, allow_private=False)


def test_development_may_stay_inside() -> None:
    assert webhooks.checked_url("http://127.0.0.1:8000/a", allow_private=True)
    assert webhooks.checked_url("https://example.com:8443/a?b=c", allow_private=False)


def test_an_endpoint_is_told_what_it_asked_for() -> None:
    assert webhooks.wants(["*"], "alert.raised")
    assert webhooks.wants(["deposit.*"], "deposit.credited")
    assert not webhooks.wants(["deposit.*", "withdrawal.completed"], "withdrawal.failed")
    for kinds in ([], ["deposit"], ["deposit.flying"], ["endpoint.test"]):
        with pytest.raises(InvalidWebhookKind):
            webhooks.checked_kinds(kinds)


@settings(max_examples=60, deadline=None)
@given(
    jitters=some.lists(some.floats(-1, 1), min_size=webhooks.ATTEMPTS_MAX, max_size=webhooks.ATTEMPTS_MAX),
    took_s=some.lists(some.floats(0, 90), min_size=webhooks.ATTEMPTS_MAX, max_size=webhooks.ATTEMPTS_MAX),
)
def test_every_schedule_ends_within_three_days_and_waits_longer_each_time(
    jitters: list[float], took_s: list[float]
) -> None:
    made, at = [NOW], NOW
    for jitter, seconds in zip(jitters, took_s, strict=True):
        now = at + timedelta(seconds=seconds)
        following = webhooks.next_attempt(NOW, attempts=len(made), now=now, jitter=jitter)
        if following is None:
            break
        assert now <= following <= NOW + webhooks.GIVEN_UP_AFTER
        wait = webhooks.WAITS[len(made)]
        if following < NOW + webhooks.GIVEN_UP_AFTER:
            assert abs(following - now - wait) <= wait * webhooks.JITTER + timedelta(microseconds=1)
        made.append(at := following)
    assert len(made) <= webhooks.ATTEMPTS_MAX
    assert made[-1] >= NOW + timedelta(days=2), "it gives up too early"
