"""Everything that can be wrong between us and a node has a name, and what may have happened is never called failed."""

import logging
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.transport import Connection
from domain.networks import NETWORKS, Network
from domain.node_refusals import (
    ChainError,
    ChainUncertain,
    NodeBusy,
    NodeError,
    NodeRefused,
    NodeTimeout,
    NodeUnauthorised,
    NodeWarmingUp,
    NodeWrongChain,
    WalletNotLoaded,
)
from tests.bitcoin.node import PASSWORD, RegtestNode
from tests.waiting import eventually
from wiring.embedded.redis import free_port

GENESIS = NETWORKS["litecoin-regtest"].genesis_hash


@contextmanager
def tcp_server(behave: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server on a free port that treats its n-th connection as `behave(connection, n)` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    ended = threading.Event()

    def serve() -> None:
        number = 0
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                behave(connection, number)
            number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        thread.join()
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    head, _, body = text.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reply(connection: socket.socket, status: str, body: str, kind: str = "application/json") -> None:
    text = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    connection.sendall(text.encode())


def greet(connection: socket.socket) -> None:
    """Answer the question about the genesis block, as every connection asks first."""
    read_request(connection)
    reply(connection, "200 OK", f'{{"result": "{GENESIS}", "error": null, "id": 1}}')


def litecoin_at(node: RegtestNode, port: int, **changes: Any) -> NodeClient:
    return NodeClient(node.endpoint(port=port, **changes), NETWORKS["litecoin-regtest"])


def test_a_stopped_node_refuses(regtest: RegtestNode) -> None:
    chain = regtest.chain(port=free_port())
    with pytest.raises(NodeRefused) as caught:
        chain.tip()
    assert not isinstance(caught.value, ChainUncertain)
    with pytest.raises(NodeRefused):
        chain.broadcast("00")


def test_an_unknown_host_refuses(regtest: RegtestNode) -> None:
    with pytest.raises(NodeRefused):
        regtest.chain(host="node.invalid").broadcast("00")


def test_wrong_credentials_are_named(regtest: RegtestNode) -> None:
    with pytest.raises(NodeUnauthorised):
        regtest.chain(password="wrong").tip()
    with pytest.raises(NodeUnauthorised):
        regtest.chain(cookie_file=Path("/nonexistent/.cookie")).tip()


def test_a_cookie_file_serves_as_credentials(regtest: RegtestNode, tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    cookie.write_text(f"tester:{PASSWORD}\n")
    assert regtest.chain(user="", password="", cookie_file=cookie).tip().height > 0


def test_a_wallet_that_is_not_there_is_named(regtest: RegtestNode) -> None:
    chain = regtest.chain("never-made")
    with pytest.raises(WalletNotLoaded):
        chain.new_addresses(1)
    with pytest.raises(WalletNotLoaded):
        chain.reserve([])
    assert chain.tip().height > 0


def other_than(network: Network) -> Network:
    return NETWORKS["litecoin" if network.chain != "litecoin" else "bitcoin"]


def test_a_node_of_another_chain_is_never_spoken_to(regtest: RegtestNode) -> None:
    chain = BitcoinChain(regtest.endpoint(), other_than(regtest.network))
    for ask in (chain.tip, chain.holding, lambda: chain.broadcast("00")):
        with pytest.raises(NodeWrongChain):
            ask()


def test_an_order_without_an_answer_is_uncertain_and_sent_once(regtest: RegtestNode) -> None:
    orders = []

    def swallow(connection: socket.socket, _: int) -> None:
        greet(connection)
        orders.append(read_request(connection))
        ended.wait(30)

    ended = threading.Event()
    with tcp_server(swallow) as port:
        client = litecoin_at(regtest, port, timeout_s=1)  # it is greeted first
        with pytest.raises(NodeTimeout) as caught:
            client.order("sendrawtransaction", "00")
        ended.set()
    assert isinstance(caught.value, ChainUncertain)
    assert len(orders) == 1


def test_a_node_that_never_answers_times_out(regtest: RegtestNode) -> None:
    ended = threading.Event()

    def say_nothing(_: socket.socket, __: int) -> None:
        ended.wait(30)

    with tcp_server(say_nothing) as port:
        began = time.monotonic()
        with pytest.raises(NodeTimeout):
            litecoin_at(regtest, port, timeout_s=0.3).read("getblockchaininfo")
        assert time.monotonic() - began < 20
        ended.set()


def test_an_order_cut_off_is_uncertain_and_a_read_cut_off_is_asked_again(regtest: RegtestNode) -> None:
    def hang_up_then_answer(connection: socket.socket, number: int) -> None:
        greet(connection)
        read_request(connection)
        if number > 1:
            reply(connection, "200 OK", '{"result": 7, "error": null, "id": 1}')

    with tcp_server(hang_up_then_answer) as port:
        client = litecoin_at(regtest, port)
        with pytest.raises(ChainUncertain):
            client.order("sendrawtransaction", "00")
        assert client.read("getblockcount") == 7
        client.close()


def test_an_answer_cut_short_is_uncertain(regtest: RegtestNode) -> None:
    def break_off(connection: socket.socket, _: int) -> None:
        greet(connection)
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")

    with tcp_server(break_off) as port, pytest.raises(ChainUncertain):
        litecoin_at(regtest, port).order("sendrawtransaction", "00")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("200 OK", "<html>welcome", ChainUncertain),
        ("503 Service Unavailable", "Work queue depth exceeded", NodeBusy),
        ("403 Forbidden", "", NodeUnauthorised),
        ("502 Bad Gateway", "<html>", ChainUncertain),
        ("404 Not Found", "nothing here", NodeError),
        ("500 Error", '{"result": null, "error": {"code": -28, "message": "Loading block index..."}}', NodeWarmingUp),
    ],
)
def test_every_kind_of_http_answer_has_a_name(
    regtest: RegtestNode, status: str, body: str, expected: type[ChainError]
) -> None:
    def answer(connection: socket.socket, _: int) -> None:
        read_request(connection)
        reply(connection, status, body, "application/json" if body.startswith("{") else "text/html")

    with tcp_server(answer) as port, pytest.raises(expected) as caught:
        litecoin_at(regtest, port).order("sendrawtransaction", "00")
    assert type(caught.value) is expected


def test_strict_answers_of_newer_nodes_are_read_like_older_ones(regtest: RegtestNode) -> None:
    """Core 28 leaves out "error" where there is none, and "result" where there is an error."""

    def answer(connection: socket.socket, _: int) -> None:
        greet(connection)
        request = read_request(connection)
        ids = [int(part.split(b"}")[0]) for part in request.split(b'"id": ')[1:]]
        items = [
            f'{{"jsonrpc": "2.0", "error": {{"code": -5, "message": "unknown"}}, "id": {ids[1]}}}',
            f'{{"jsonrpc": "2.0", "result": 0.10000000, "id": {ids[0]}}}',
        ]
        reply(connection, "200 OK", f"[{', '.join(items)}]")

    with tcp_server(answer) as port:
        client = litecoin_at(regtest, port)
        first, second = client.read_batch([["getfirst"], ["getsecond"]])
        client.close()
    assert str(first) == "0.10000000"
    assert isinstance(second, NodeError)
    assert second.rpc_code == -5


def test_half_a_batch_answers_nothing(regtest: RegtestNode) -> None:
    def answer(connection: socket.socket, _: int) -> None:
        greet(connection)
        read_request(connection)
        reply(connection, "200 OK", '[{"result": 1, "error": null, "id": 2}]')

    with tcp_server(answer) as port, pytest.raises(ChainUncertain):
        litecoin_at(regtest, port).order_batch([["getfirst"], ["getsecond"]])


def test_a_starting_node_is_refused_or_warming_up_and_then_answers(own_regtest: RegtestNode) -> None:
    own_regtest.stop()
    own_regtest.launch()
    seen = set()

    def answers() -> bool:
        try:
            own_regtest.ask("getblockcount")
        except (NodeRefused, NodeWarmingUp) as refusal:
            seen.add(refusal.code)
            return False
        return True

    eventually(answers)
    assert seen <= {"node_refused", "node_warming_up"}
    assert seen


def test_a_restarted_node_is_found_again(own_regtest: RegtestNode) -> None:
    chain = own_regtest.chain()
    height = chain.tip().height
    own_regtest.kill()
    with pytest.raises(NodeRefused):
        chain.tip()
    own_regtest.start()
    assert chain.tip().height == height


def test_threads_do_not_share_connections(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    hashes = chain.block_hashes(0, 50)
    answers: list[list[str]] = []

    def ask() -> None:
        answers.extend(chain.block_hashes(0, 50) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [hashes] * 160


def _tip_height(chain: BitcoinChain, answers: "multiprocessing.Queue[int]") -> None:
    answers.put(chain.tip().height)


def test_a_forked_child_has_its_own_connection(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    height = chain.tip().height
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_tip_height, args=(chain, answers))
    child.start()
    assert answers.get(timeout=20) == height
    child.join()
    answers.close()
    answers.join_thread()
    assert chain.tip().height == height


def test_credentials_are_in_no_log_and_no_repr(regtest: RegtestNode, caplog: pytest.LogCaptureFixture) -> None:
    chain = regtest.chain()
    with caplog.at_level(logging.DEBUG):
        chain.tip()
        with pytest.raises(NodeUnauthorised) as caught:
            regtest.chain(user="mallory", password=PASSWORD + "x").tip()
    shown = caplog.text + repr(chain) + repr(regtest.endpoint()) + repr(caught.value)
    assert PASSWORD not in shown
    assert "Basic" not in shown


def test_an_idle_connection_is_replaced_before_it_is_used(
    regtest: RegtestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    real = Connection.__init__

    def counting(self: Connection, *args: object) -> None:
        opened.append(1)
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "__init__", counting)
    chain = regtest.chain()
    chain.tip()
    chain.tip()
    assert len(opened) == 1
    monkeypatch.setattr("adapters.bitcoin.client.IDLE_MAX_S", -1.0)
    chain.tip()
    assert len(opened) == 2


def test_a_wallet_name_may_be_anything(regtest: RegtestNode) -> None:
    chain = BitcoinChain(replace(regtest.endpoint(), wallet="till 1/é?#"), regtest.network)
    chain.ensure_wallet()
    assert chain.new_addresses(1)
