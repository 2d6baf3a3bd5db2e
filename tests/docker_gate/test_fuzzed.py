"""Whatever anybody sends to the gate, nothing but its own words comes out at the other side."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.docker_gate.recording_engine import FOREIGN, OURS, PROJECT
from tests.docker_gate.run_request import run_request
from tests.docker_gate.served_gate import ServedGate
from tests.docker_gate.test_run_container import assert_is_a_run

CREATE = "/v1.41/containers/create"

# Whatever anybody sends, only requests of these forms may come out at the other side.
WORDS_OF_THE_GATE = re.compile(
    rf"GET /version|GET /v1\.[0-9]{{2}}/containers/[0-9a-f]{{64}}/json"
    rf"|GET /v1\.[0-9]{{2}}/containers/json\?filters=%7B%22label%22[^&]*(&all=1)?"
    rf"|GET /v1\.[0-9]{{2}}/images/{PROJECT}/user_code:[A-Za-z0-9_.-]+/json"
    rf"|POST /v1\.[0-9]{{2}}/containers/create\?name={PROJECT}-run-[a-z0-9_]+-[0-9a-f]{{8}}"
    rf"|POST /v1\.[0-9]{{2}}/containers/{OURS}/(start|kill|wait|stop\?t=[0-9]{{1,3}})"
    rf"|GET /v1\.[0-9]{{2}}/containers/{OURS}/logs\?stdout=1&stderr=1&tail=[0-9]{{1,3}}"
    rf"|DELETE /v1\.[0-9]{{2}}/containers/{OURS}(\?v=1)?"
)

PIECES = st.sampled_from(
    [
        "v1.41",
        "v1.24",
        "containers",
        "create",
        "json",
        "start",
        "stop",
        "kill",
        "wait",
        "logs",
        "images",
        "exec",
        "version",
        "build",
        "networks",
        "volumes",
        "prune",
        "archive",
        "..",
        ".",
        "%2e%2e",
        "%2f",
    ]
) | st.sampled_from([OURS, FOREIGN, OURS[:12], "", f"{PROJECT}/user_code:v1"])
TARGETS = st.builds(
    lambda pieces, query: "/" + "/".join(pieces) + query,
    st.lists(PIECES, max_size=5)
    | st.sampled_from(
        [
            ["v1.41", "containers", OURS, "stop"],
            ["v1.41", "containers", OURS],
            ["v1.41", "containers", "json"],
            ["v1.41", "containers", "create"],
        ]
    ),
    st.sampled_from(["", "?", "?t=5", "?v=True", "?force=True", "?name=x", "?all=1", "?t=5&t=6"])
    | st.text("?&=%abt15+{}\"' \r\n", max_size=12),
)
METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "get", "POST\t", "CONNECT"])
HEADER_LINES = st.lists(
    st.sampled_from(
        [
            "Host: x",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
            "Upgrade: tcp",
            "a: b",
            "Content-Length: 0",
            "Content-Length: 5",
            "Connection: Upgrade",
            "X: y\nHost: z",
            " a: b",
        ]
    ),
    max_size=3,
)
CHANGES = st.dictionaries(
    st.sampled_from(
        ["Privileged", "Binds", "NetworkMode", "CapAdd", "Memory", "Mounts", "PidMode", "Devices"]
    )
    | st.text(max_size=8),
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=8)),
    max_size=2,
)


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(METHODS, TARGETS, HEADER_LINES, CHANGES, CHANGES, st.booleans(), st.binary(max_size=30))
def test_nothing_but_the_gates_own_words_reaches_the_engine(
    gate: ServedGate,
    method: str,
    target: str,
    lines: list[str],
    on_top: dict[str, object],
    on_host: dict[str, object],
    plain: bool,
    tail: bytes,
) -> None:
    gate.forget()
    asked = run_request() | on_top
    if isinstance(asked["HostConfig"], dict):
        asked["HostConfig"] |= on_host
    if plain:
        target, method, lines, tail = CREATE, "POST", ["Content-Type: application/json"], b""
    body = json.dumps(asked).encode() + tail if plain or "create" in target else tail
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines])
    if plain or not any(line.startswith("Content-Length") for line in lines):
        head += f"\r\nContent-Length: {len(body)}"
    answer = gate.say(head.encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 ")
    for request in gate.engine.asked:
        assert WORDS_OF_THE_GATE.fullmatch(f"{request.method} {request.path}"), request
        if request.path.startswith(CREATE):
            assert_is_a_run(request.body)
        else:
            assert request.body is None
    assert not [line for line in gate.log if line["event"] == "failed"]
