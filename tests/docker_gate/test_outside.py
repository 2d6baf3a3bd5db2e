"""An outside run is a named job's, of the image's own code, and gets the proxy's network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from control_plane.docker_gate.calls import Call
from control_plane.docker_gate.engine import Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.refusal import RefusedError
from control_plane.docker_gate.run_container import rebuild
from tests.docker_gate.recording_engine import OURS, PROJECT
from tests.docker_gate.run_request import RUN_ID, run_request
from tests.docker_gate.served_gate import ServedGate
from tests.docker_gate.test_run_container import POLICY

ALLOWS = replace(POLICY, outside_jobs=frozenset({"a_job"}))


def outside_request(**pointer: Any) -> dict[str, Any]:
    """What the launcher asks for when the job `a_job` is tagged assay/network: outside."""
    asked = run_request()
    asked["Labels"]["assay.network"] = "outside"
    arguments = {
        "__class__": "ExecuteRunArgs",
        "pipeline_run_id": RUN_ID,
        "pipeline_origin": {
            "pipeline_name": "a_job",
            "repository_origin": {
                "code_pointer": {
                    "__class__": "ModuleCodePointer",
                    "module": "user_code.definitions",
                    "fn_name": "defs",
                    "working_directory": "/app",
                    **pointer,
                }
            },
        },
    }
    asked["Cmd"][3] = json.dumps(arguments)
    return asked


def test_a_named_job_is_told_of_the_proxy() -> None:
    built: Any = rebuild(outside_request(), ALLOWS)
    assert built["Labels"]["assay.network"] == "outside"
    # Programs read one or the other form.
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    assert built["Env"] == [
        *run_request()["Env"],
        *(f"{name}=http://egress:3128" for name in names),
        *(f"{name}=postgres,localhost,127.0.0.1" for name in ("NO_PROXY", "no_proxy")),
    ]
    assert built["HostConfig"]["NetworkMode"] == "assaytest_runs"
    assert not [line for line in rebuild(run_request(), ALLOWS)["Env"] if "PROXY" in line]  # type: ignore[attr-defined]


HOSTILE: dict[str, Callable[[], dict[str, Any]]] = {
    "another word": lambda: _labelled("host"),
    "a file that a run has written": lambda: outside_request(
        __class__="FileCodePointer", python_file="/assay/data/x.py"
    ),
    "a folder that a run has written": lambda: outside_request(working_directory="/assay/data"),
    "no folder": lambda: outside_request(working_directory=None),
    "another module": lambda: outside_request(module="os"),
    "another module, and the image's": lambda: outside_request(module="os.user_code"),
    "more than a module": lambda: outside_request(module="user_code.definitions/../x"),
    "a module by a path": lambda: outside_request(module="user_code./x"),
    "a module with a path in it": lambda: outside_request(module="user_code.a/b"),
    "a module that is none": lambda: outside_request(module=None),
    "another job's code": lambda: _arguments(pipeline_name="other"),
    "no code at all": lambda: _arguments(repository_origin=None),
    "a proxy of its own": lambda: _told("HTTPS_PROXY=http://elsewhere:1"),
}


def _labelled(word: str) -> dict[str, Any]:
    asked = outside_request()
    asked["Labels"]["assay.network"] = word
    return asked


def _told(line: str) -> dict[str, Any]:
    asked = outside_request()
    asked["Env"].append(line)
    return asked


def _arguments(**changes: Any) -> dict[str, Any]:
    asked = outside_request()
    arguments = json.loads(asked["Cmd"][3])
    arguments["pipeline_origin"] |= changes
    asked["Cmd"][3] = json.dumps(arguments)
    return asked


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_forged_outside_run_is_refused(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(RefusedError) as refused:
        rebuild(make(), ALLOWS)
    assert refused.value.status == 403


def test_a_job_that_is_not_named_stays_inside() -> None:
    with pytest.raises(RefusedError, match="ASSAY_OUTSIDE_JOBS does not name"):
        rebuild(outside_request(), POLICY)


def created(served: ServedGate) -> Gate:
    return Gate(Engine(str(served.folder / "engine.sock")), ALLOWS)


def test_the_gate_joins_the_proxys_network(gate: ServedGate) -> None:
    body = json.dumps(outside_request()).encode()
    assert created(gate).answer(Call("create", "/v1.41", body=body)).status == 201
    create, connect = gate.engine.changes()
    assert create.path.startswith("/v1.41/containers/create")
    assert connect.path == f"/v1.41/networks/{PROJECT}_outside_runs/connect"
    assert connect.body == {"Container": OURS}


def test_without_the_proxys_network_there_is_no_container(gate: ServedGate) -> None:
    gate.engine.missing_networks = True
    try:
        body = json.dumps(outside_request()).encode()
        with pytest.raises(RefusedError, match="the egress proxy is not set up"):
            created(gate).answer(Call("create", "/v1.41", body=body))
    finally:
        gate.engine.missing_networks = False
    assert gate.engine.changes()[-1].method == "DELETE"


def test_a_run_without_the_tag_joins_nothing_else(gate: ServedGate) -> None:
    body = json.dumps(run_request()).encode()
    created(gate).answer(Call("create", "/v1.41", body=body))
    (create,) = gate.engine.changes()
    assert create.path.startswith("/v1.41/containers/create")
