"""Requests are read strictly: whatever two readers might read differently is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.docker_gate.http_request import (
    BODY_BYTES,
    HEAD_BYTES,
    HEADERS,
    Request,
    read_request,
)
from control_plane.docker_gate.refusal import RefusedError
from control_plane.docker_gate.strict_json import DEPTH, parse_object


def read(data: bytes, piece: int = 7) -> Request | None:
    """`data` as it would come, in pieces."""
    rest = data

    def receive(size: int) -> bytes:
        nonlocal rest
        chunk, rest = rest[: min(size, piece)], rest[min(size, piece) :]
        return chunk

    return read_request(receive)


def test_the_form_that_docker_py_sends_is_read() -> None:
    request = read(
        b"POST /v1.41/containers/x/stop?t=20&filters=%7B%22a%22%3A+1%7D HTTP/1.1\r\n"
        b"Host: localhost\r\nUser-Agent: docker-sdk-python/7.2.0\r\n"
        b"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert request == Request(
        "POST",
        "/v1.41/containers/x/stop",
        {"t": "20", "filters": '{"a": 1}'},
        "application/json",
        b"{}",
    )


def test_a_peer_that_says_nothing_asks_nothing() -> None:
    assert read(b"") is None


LINE = b"GET /version HTTP/1.1\r\n"
ODD = {
    "HTTP/1.0": b"GET /version HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"GET /version\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an absolute form": b"GET http://docker/version HTTP/1.1\r\n\r\n",
    "small letters": b"get /version HTTP/1.1\r\n\r\n",
    "two spaces": b"GET  /version HTTP/1.1\r\n\r\n",
    "a tab": b"GET\t/version HTTP/1.1\r\n\r\n",
    "an escape in the path": b"GET /%2e%2e/version HTTP/1.1\r\n\r\n",
    "a fragment": b"GET /version#x HTTP/1.1\r\n\r\n",
    "a semicolon": b"GET /version;x HTTP/1.1\r\n\r\n",
    "a backslash": b"GET /v1.41\\version HTTP/1.1\r\n\r\n",
    "two question marks": b"GET /version?a=1?b=2 HTTP/1.1\r\n\r\n",
    "a parameter twice": b"GET /version?a=1&a=2 HTTP/1.1\r\n\r\n",
    "a parameter twice, once escaped": b"GET /version?a=1&%61=2 HTTP/1.1\r\n\r\n",
    "a parameter without a value": b"GET /version?a HTTP/1.1\r\n\r\n",
    "a broken escape": b"GET /version?a=%4 HTTP/1.1\r\n\r\n",
    "an escape of other letters": b"GET /version?a=%zz HTTP/1.1\r\n\r\n",
    "an escape that is not UTF-8": b"GET /version?a=%ff HTTP/1.1\r\n\r\n",
    "an umlaut": "GET /versiön HTTP/1.1\r\n\r\n".encode(),
    "a NUL": b"GET /version\0 HTTP/1.1\r\n\r\n",
    "line feeds alone": b"GET /version HTTP/1.1\nHost: x\n\n\r\n\r\n",
    "a line feed in a header": LINE + b"Host: x\nX: y\r\n\r\n",
    "a carriage return in a header": LINE + b"Host: x\rX: y\r\n\r\n",
    "a tab in a header": LINE + b"Host: \tx\r\n\r\n",
    "a continued header": LINE + b"Host: x\r\n y\r\n\r\n",
    "a header without a colon": LINE + b"Host\r\n\r\n",
    "a space before the colon": LINE + b"Content-Length : 0\r\n\r\n",
    "an unknown header": LINE + b"X-Registry-Auth: x\r\n\r\n",
    "chunks": LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an upgrade": LINE + b"Upgrade: tcp\r\n\r\n",
    "an expectation": LINE + b"Expect: 100-continue\r\n\r\n",
    "two lengths": LINE + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "two hosts": LINE + b"Host: a\r\nhost: b\r\n\r\n",
    "a length with a sign": LINE + b"Content-Length: +0\r\n\r\n",
    "a negative length": LINE + b"Content-Length: -1\r\n\r\n",
    "a length list": LINE + b"Content-Length: 0, 0\r\n\r\n",
    "a length in hex": LINE + b"Content-Length: 0x1\r\n\r\nx",
    "a length with a space": LINE + b"Content-Length:  0\r\n\r\n",
    "a length with a letter": b"POST /x HTTP/1.1\r\nContent-Length: 1x\r\n\r\nx",
    "a length as Python writes it": b"POST /x HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789",
    "a length without end": LINE + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "a body of a GET": LINE + b"Content-Length: 1\r\n\r\nx",
    "a second request": LINE + b"\r\n" + LINE + b"\r\n",
    "a body without a length": b"POST /x HTTP/1.1\r\n\r\nx",
    "a body too short": b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nx",
    "a body too long": b"POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\nxy",
    "a head that ends": b"GET /version HTTP/1.1\r\nHost: x\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_odd_requests_are_refused(data: bytes) -> None:
    # In one piece, so that what follows a request is seen.
    with pytest.raises(RefusedError) as refused:
        read(data, piece=10_000)
    assert refused.value.status == 400


def test_a_head_without_end_is_refused_before_it_fills_the_memory() -> None:
    sent = 0

    def receive(size: int) -> bytes:
        nonlocal sent
        sent += size
        return b"x" * size

    with pytest.raises(RefusedError) as refused:
        read_request(receive)
    assert refused.value.status == 431
    assert sent < 100_000


def test_a_head_that_ends_beyond_the_limit_is_refused() -> None:
    """Its end comes in the piece that makes it too large."""
    line = b"GET /version HTTP/1.1\r\nHost: "
    fits = line + b"x" * (HEAD_BYTES - len(line))
    assert read(fits + b"\r\n\r\n", piece=HEAD_BYTES - 1) is not None
    with pytest.raises(RefusedError) as refused:
        read(fits + b"x\r\n\r\n", piece=HEAD_BYTES - 1)
    assert refused.value.status == 431


def test_a_large_body_is_refused_before_it_is_read() -> None:
    data = f"POST /x HTTP/1.1\r\nContent-Length: {512 * 1024 + 1}\r\n\r\n".encode()
    with pytest.raises(RefusedError) as refused:
        read(data)
    assert refused.value.status == 413


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80)
    | st.lists(
        st.sampled_from([b"GET ", b"POST ", b"/version", b"?", b"a=1", b"&", b" HTTP/1.1", b"\r\n"])
        | st.sampled_from(
            [b"Host: x", b"Content-Length: ", b"1", b"{}", b"%2e", b"..", b"\n", b":"]
        )
        | st.binary(max_size=3),
        max_size=24,
    ).map(b"".join),
    st.integers(1, 50),
)
def test_any_bytes_are_read_or_refused(data: bytes, piece: int) -> None:
    try:
        request = read(data, piece)
    except RefusedError:
        return
    if request is not None:
        assert request.path.startswith("/")
        assert "%" not in request.path
        assert len(request.body) <= BODY_BYTES
        head = data.partition(b"\r\n\r\n")[0]
        assert all(
            line.split(b":")[0].decode().lower() in HEADERS for line in head.split(b"\r\n")[1:]
        )


AMBIGUOUS = {
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice for Go": b'{"Privileged": false, "privileged": true}',
    "a key twice for Go, in the other order": b'{"privileged": false, "Privileged": true}',
    "a key twice, deep": b'{"a": [{"b": 1, "b": 1}]}',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": Infinity}',
    "a list": b"[]",
    "a string": b'"x"',
    "nothing": b"",
    "two objects": b"{}{}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "depth": b'{"a":' * 20 + b"1" + b"}" * 20,
    "depth of lists": b'{"a":' + b"[" * 20 + b"]" * 20 + b"}",
    "depth without end": b'{"a":' * 100_000,
    "a number without end": b'{"a": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("text", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_json_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError):
        parse_object(text)


def test_json_may_be_so_deep_and_no_deeper() -> None:
    text = b'{"a":' * (DEPTH - 1) + b"[]" + b"}" * (DEPTH - 1)
    assert parse_object(text)
    with pytest.raises(RefusedError, match="nested too deep"):
        parse_object(text.replace(b"[]", b"[{}]"))


def test_plain_json_is_read() -> None:
    assert parse_object(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
