"""An engine that is silent, odd or says too much: the gate says so, and holds little of it."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control_plane.docker_gate import engine as gate_engine
from control_plane.docker_gate.engine import Answer, Engine
from control_plane.docker_gate.refusal import RefusedError
from control_plane.docker_gate.refusals import KEPT, Refusals

Says = Callable[[bytes], Engine]


@pytest.fixture
def says() -> Iterator[Says]:
    """An engine that answers one question with these bytes, and then keeps the connection."""
    with (
        tempfile.TemporaryDirectory(prefix="gate") as folder,
        socket.socket(socket.AF_UNIX) as here,
    ):
        path = Path(folder) / "engine.sock"
        here.bind(str(path))
        here.listen()
        kept = []

        def answer(data: bytes) -> None:
            connection, _ = here.accept()
            kept.append(connection)
            connection.recv(65536)
            connection.sendall(data)

        def start(data: bytes) -> Engine:
            threading.Thread(target=answer, args=(data,), daemon=True).start()
            return Engine(str(path))

        yield start
        for connection in kept:
            connection.close()


def answered(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + body


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", answered(b"x", 2)])
def test_one_that_does_not_finish_is_not_waited_for_without_end(says: Says, said: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(RefusedError, match="does not answer") as refused:
        says(said).ask("GET", "/version", seconds=0.3)
    assert refused.value.status == 502
    assert time.monotonic() - began < 5


def test_one_that_speaks_no_http_is_said(says: Says) -> None:
    with pytest.raises(RefusedError, match="does not answer") as refused:
        says(b"SSH-2.0-x\r\n\r\n").ask("GET", "/version", seconds=5)
    assert refused.value.status == 502


def test_no_more_is_held_than_an_answer_may_be(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate_engine.ANSWER_BYTES <= 16 * 2**20
    monkeypatch.setattr(gate_engine, "ANSWER_BYTES", 10)
    assert says(answered(b"x" * 10)).ask("GET", "/version", seconds=5).body == b"x" * 10
    with pytest.raises(RefusedError, match="too large") as refused:
        says(answered(b"x" * 11)).ask("GET", "/version", seconds=5)
    assert refused.value.status == 502


def test_an_answer_that_is_no_json_is_said() -> None:
    with pytest.raises(RefusedError, match="not JSON") as refused:
        Answer(200, "application/json", b"{").json()
    assert refused.value.status == 502


def test_of_refusals_the_last_hundred_are_kept() -> None:
    refusals = Refusals()
    for number in range(KEPT + 5):
        refusals.note("daemon", f"GET /{number}", RefusedError(403, "no"), None)
    kept = refusals.after(0)
    assert [one["request"] for one in kept] == [f"GET /{number}" for number in range(5, 105)]
    numbers = [one["number"] for one in kept]
    assert numbers == sorted(set(numbers))  # type: ignore[type-var]
