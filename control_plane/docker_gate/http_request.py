"""One HTTP request, read strictly: what two programs might read differently is refused.

Only the plain form that docker-py sends is known: HTTP/1.1, each header once and from a short
list, a body announced by Content-Length, one request for each connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from control_plane.docker_gate.refusal import RefusedError, shown

HEAD_BYTES = 16 * 1024
# A create request holds the run's arguments, which the kernel limits to 128 KiB.
BODY_BYTES = 512 * 1024

HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    }
)

# No percent sign, no backslash, no second question mark: nothing that could be decoded later.
_REQUEST_LINE = re.compile(r"([A-Z]+) (/[A-Za-z0-9/._-]*)(?:\?([A-Za-z0-9%=&+_.~*-]+))? HTTP/1\.1")
# The name is looked up, and a value that counts is read more strictly than here.
_HEADER = re.compile(r"([^:]+): ?([\x20-\x7e]*)")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,7}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Request:
    """A request whose form is beyond doubt. Of `query` each name is there once."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    content_type: str = ""
    body: bytes = b""


def read_request(receive: Callable[[int], bytes]) -> Request | None:
    """Read one request from `receive` (like socket.recv); None if the peer sent nothing at all.

    RefusedError if it is too large, incomplete, or in any form but the plain one. Whatever
    `receive` raises (a timeout) passes through.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > HEAD_BYTES:
            raise RefusedError(431, "the request's head is too large")
        chunk = receive(HEAD_BYTES)
        if not chunk:
            if not data:
                return None
            raise RefusedError(400, "the request ends in its head")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    if len(head) > HEAD_BYTES:
        raise RefusedError(431, "the request's head is too large")
    method, path, query, headers = parse_head(head)
    length = _body_length(method, headers)
    while len(body) < length:
        chunk = receive(length - len(body))
        if not chunk:
            raise RefusedError(400, "the request ends in its body")
        body += chunk
    if len(body) > length:
        raise RefusedError(400, "there is more in the connection than one request")
    return Request(method, path, query, headers.get("content-type", ""), body)


def parse_head(head: bytes) -> tuple[str, str, dict[str, str], dict[str, str]]:
    """Method, path, query and headers (names in lower case) of a head without its blank line."""
    try:
        lines = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        raise RefusedError(400, "the request's head is not ASCII") from None
    first = _REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        raise RefusedError(400, f"not a request line of the known form: {shown(lines[0])}")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise RefusedError(400, "a header has not the known form")
        name = header[1].lower()
        if name not in HEADERS:
            raise RefusedError(400, f"the header {shown(name)} is not known here")
        if name in headers:
            raise RefusedError(400, f"the header {name} is there twice")
        headers[name] = header[2]
    return first[1], first[2], _parse_query(first[3]), headers


def _parse_query(text: str | None) -> dict[str, str]:
    query: dict[str, str] = {}
    if text is None:
        return query
    if _BAD_ESCAPE.search(text):
        raise RefusedError(400, "the query has a broken escape")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise RefusedError(400, "the query has not the known form") from None
    for name, value in pairs:
        if name in query:
            raise RefusedError(400, f"the query has {shown(name)} twice")
        query[name] = value
    return query


def _body_length(method: str, headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    if _LENGTH.fullmatch(text) is None:
        raise RefusedError(400, "Content-Length is not a plain number")
    length = int(text)
    if length > BODY_BYTES:
        raise RefusedError(413, "the request's body is too large")
    if length and method != "POST":
        raise RefusedError(400, f"a {method} request has no body")
    return length
