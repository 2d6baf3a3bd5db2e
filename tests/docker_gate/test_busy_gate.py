"""Whoever is slow, silent or many takes the gate from nobody else."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from control_plane.docker_gate import server as gate_server
from control_plane.docker_gate.engine import Answer, Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.server import GateServer
from control_plane.docker_gate.sockets import caller_socket
from tests.docker_gate.served_gate import ServedGate

SECONDS = 0.5
ASKS = b"GET /version HTTP/1.1\r\n\r\n"


class Narrow:
    """A gate with one slot and little patience, before the engine of `served`."""

    def __init__(self, path: Path, served: ServedGate) -> None:
        self.path = path
        self.log: list[dict[str, object]] = []
        self.engine = Engine(str(served.folder / "engine.sock"))
        self.server = GateServer(path, "daemon", Gate(self.engine, served.policy), self.log.append)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(str(self.path))
        return connection

    def status(self) -> int:
        """Of the answer to a plain question."""
        with closing(self.connect()) as connection:
            with suppress(BrokenPipeError):  # refused before all was said
                connection.sendall(ASKS)
            return int(connection.recv(1024).split()[1])

    def wait_until(self, status: int) -> None:
        deadline = time.monotonic() + 10
        while self.status() != status:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def narrow(gate: ServedGate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Narrow]:
    assert gate_server.REQUEST_SECONDS <= 10, "who says nothing keeps a slot for as long"
    monkeypatch.setattr(gate_server, "CONNECTIONS", 1)
    monkeypatch.setattr(gate_server, "REQUEST_SECONDS", SECONDS)
    path = gate.folder / "narrow.sock"
    here = Narrow(path, gate)
    yield here
    here.server.shutdown()
    here.server.server_close()
    path.unlink()


@pytest.mark.parametrize("said", [b"", b"GET /version HT", ASKS[:-2]])
def test_who_does_not_finish_a_request_is_told_so_and_sent_away(
    narrow: Narrow, said: bytes
) -> None:
    with closing(narrow.connect()) as connection:
        connection.sendall(said)
        assert connection.recv(1024).startswith(b"HTTP/1.1 408 ")
        assert connection.recv(1024) == b"", "the connection is over"
        narrow.wait_until(200)


def test_the_time_is_of_the_request_not_of_each_piece(narrow: Narrow) -> None:
    began = time.monotonic()
    with closing(narrow.connect()) as connection:
        connection.settimeout(SECONDS / 10)
        answer = b""
        while not answer:
            assert time.monotonic() - began < 10 * SECONDS
            connection.sendall(b"G")
            try:
                answer = connection.recv(1024)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_nothing_is_read_once_the_time_is_up(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as late:
        times = iter([0.0, SECONDS + 1])
        late.setattr(gate_server, "time", SimpleNamespace(monotonic=lambda: next(times)))
        with closing(narrow.connect()) as connection:
            assert connection.recv(1024).startswith(b"HTTP/1.1 408 ")


def test_more_at_once_than_there_are_slots_are_told_so_and_served_later(narrow: Narrow) -> None:
    with closing(narrow.connect()) as connection:
        connection.sendall(b"GET ")
        narrow.wait_until(503)
        connection.sendall(ASKS.removeprefix(b"GET "))
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
        narrow.wait_until(200)


def test_there_are_slots_for_64(gate: ServedGate) -> None:
    with ExitStack() as stack:
        many = []
        for _ in range(70):
            many.append(stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)))
            many[-1].connect(str(caller_socket("daemon", gate.folder)))
        deadline = time.monotonic() + 5
        while len(answered := select.select(many, [], [], 0)[0]) < 70 - 64:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert [one.recv(1024).split()[1] for one in answered] == [b"503"] * 6
        assert gate.ask("GET", "/version", caller="webserver")[0] == 200, "it has its own"


def test_who_does_not_take_the_answer_keeps_no_slot(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is larger than what the kernel takes for a caller that reads nothing."""
    large = Answer(200, "application/json", b'"' + b"x" * 4_000_000 + b'"')
    monkeypatch.setattr(Gate, "answer", lambda *_: large)
    with closing(narrow.connect()) as deaf:
        deaf.sendall(ASKS)
        narrow.wait_until(503)
        narrow.wait_until(200)
    assert narrow.log == []


def test_who_takes_the_answer_late_but_in_time_gets_all_of_it(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its request took nearly all the time that it had."""
    large = Answer(200, "application/json", b"x" * 4_000_000)
    monkeypatch.setattr(Gate, "answer", lambda *_: large)
    monkeypatch.setattr(gate_server, "REQUEST_SECONDS", 5.0)
    times = iter([0.0, 4.8])
    monkeypatch.setattr(gate_server, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with closing(narrow.connect()) as connection:
        connection.sendall(ASKS)
        time.sleep(0.5)
        answer = b""
        while chunk := connection.recv(1_000_000):
            answer += chunk
    assert answer.endswith(b"\r\n\r\n" + large.body)


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (204, "HTTP/1.1 204 No Content"),
        (304, "HTTP/1.1 304 Not Modified"),
        (201, "HTTP/1.1 201 Created"),
        (599, "HTTP/1.1 599 Unknown"),
    ],
)
def test_an_answer_is_said_as_http_wants_it(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch, status: int, head: str
) -> None:
    """One answer for each connection; with some there is never a body."""
    monkeypatch.setattr(Gate, "answer", lambda *_: Answer(status, "text/x", b"ab"))
    expected = f"{head}\r\nConnection: close\r\n"
    if status not in (204, 304):
        expected += "Content-Type: text/x\r\nContent-Length: 2\r\n\r\nab"
    else:
        expected += "\r\n"
    with closing(narrow.connect()) as connection:
        connection.sendall(ASKS)
        assert connection.makefile("rb").read() == expected.encode()


def test_who_leaves_without_a_word_is_no_event(narrow: Narrow) -> None:
    narrow.connect().close()
    narrow.wait_until(200)
    assert narrow.log == []


def test_a_defect_is_said_by_its_kind_alone_and_keeps_no_slot(
    narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> Answer:
        raise ZeroDivisionError("PASSWORD=very-secret")

    with monkeypatch.context() as broken:
        broken.setattr(Gate, "answer", breaks)
        with closing(narrow.connect()) as connection:
            connection.sendall(ASKS)
            assert connection.recv(1024) == b""
    narrow.wait_until(200)
    assert narrow.log == [{"event": "failed", "caller": "daemon", "error": "ZeroDivisionError"}]


def test_what_an_older_gate_has_left_is_replaced_and_other_users_may_ask(
    gate: ServedGate, narrow: Narrow
) -> None:
    """The daemon is another user than the gate; it alone mounts the socket's folder."""
    assert narrow.path.stat().st_mode & 0o777 == 0o666
    again = Narrow(narrow.path, gate)
    again.wait_until(200)
    again.server.shutdown()
    again.server.server_close()


def test_the_gate_ends_though_somebody_is_connected(narrow: Narrow) -> None:
    with closing(narrow.connect()) as connection:
        connection.sendall(b"GET ")
        narrow.wait_until(503)
        began = time.monotonic()
        narrow.server.shutdown()
        narrow.server.server_close()
        assert time.monotonic() - began < SECONDS / 2


def test_an_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    gate_server.log_line({"event": "x", "reason": "two\nlines"})
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    facts = json.loads(line)
    assert datetime.fromisoformat(facts.pop("time")).tzinfo is not None
    assert (facts, said.out) == ({"event": "x", "reason": "two\nlines"}, "")
