"""The client that adapters share: one for each process, however many threads, and never a parent's."""

import os

import httpx
import pytest

from adapters.http_client import ProcessClient


def test_a_forked_child_makes_a_client_of_its_own_and_leaves_its_parents_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = ProcessClient(httpx.Client)
    parents = clients.get()
    assert clients.get() is parents
    monkeypatch.setattr(os, "getpid", lambda: -1)
    child = clients.get()
    assert child is not parents
    clients.close()
    assert child.is_closed
    assert not parents.is_closed
    parents.close()


def test_a_closed_client_is_replaced_by_the_next_use() -> None:
    clients = ProcessClient(httpx.Client)
    first = clients.get()
    clients.close()
    assert first.is_closed
    second = clients.get()
    assert not second.is_closed
    clients.close()
