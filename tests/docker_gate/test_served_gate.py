"""The gate over its sockets: known calls reach the engine in the gate's words, others never."""

from __future__ import annotations

import json
from urllib.parse import quote

import docker
import docker.errors
import pytest

from control_plane.docker_gate.health import ailment
from tests.docker_gate.recording_engine import FOREIGN, OURS, PROJECT, SECRET
from tests.docker_gate.run_request import run_request
from tests.docker_gate.served_gate import ServedGate
from tests.docker_gate.test_run_container import assert_is_a_run

CREATE = "/v1.41/containers/create"


def test_docker_py_gets_what_the_daemon_needs(gate: ServedGate) -> None:
    client = gate.client()
    container = client.containers.get(OURS)
    container.start()
    container.stop(timeout=20)
    container.kill()
    assert container.wait(timeout=30)["StatusCode"] == 0
    container.logs(tail=30)
    client.api.remove_container(OURS, v=True)
    client.api.remove_container(OURS)
    labels = [f"assay.project={PROJECT}", "assay.kind=run", "dagster/run_id"]
    listed = client.api.containers(all=True, filters={"label": labels})
    assert [one["Id"] for one in listed] == [OURS]
    assert "Mounts" not in listed[0]
    assert [asked[:2] for asked in gate.engine.changes()] == [
        ("POST", f"/v1.41/containers/{OURS}/start"),
        ("POST", f"/v1.41/containers/{OURS}/stop?t=20"),
        ("POST", f"/v1.41/containers/{OURS}/kill"),
        ("POST", f"/v1.41/containers/{OURS}/wait"),
        ("DELETE", f"/v1.41/containers/{OURS}?v=1"),
        ("DELETE", f"/v1.41/containers/{OURS}"),
    ]
    looked = [asked.path for asked in gate.engine.asked if asked.method == "GET"]
    assert f"/v1.41/containers/{OURS}/logs?stdout=1&stderr=1&tail=30" in looked
    assert looked[-1].endswith("&all=1")
    client.api.containers()
    assert "all=1" not in gate.engine.asked[-1].path
    # Whoever reads the log sees what was changed; looking is not worth a line.
    assert [line["event"] for line in gate.log] == ["start", "stop", "kill", "remove", "remove"]
    assert {line["about"] for line in gate.log} == {f"{PROJECT}-run-a_job-0f0f0f0f"}


def test_a_create_request_reaches_the_engine_rebuilt_and_named(gate: ServedGate) -> None:
    status, answer = gate.ask("POST", CREATE, run_request())
    assert (status, answer["Id"]) == (201, OURS)
    (asked,) = gate.engine.changes()
    name = f"{PROJECT}-run-a_job-12345678"
    assert asked.path == f"{CREATE}?name={name}"
    assert_is_a_run(asked.body)
    assert [(line["event"], line["about"]) for line in gate.log] == [("create", name)]


def test_neither_environment_nor_mounts_are_told(gate: ServedGate) -> None:
    for caller in ("daemon", "webserver"):
        known = gate.client(caller).api.inspect_container(OURS)
        assert known["State"]["Status"] == "running"
        assert SECRET not in json.dumps(known)
        assert "Binds" not in known["HostConfig"]


def test_the_webserver_may_look_and_stop_and_nothing_else(gate: ServedGate) -> None:
    container = gate.client("webserver").containers.get(OURS)
    container.stop(timeout=5)
    assert [asked.path for asked in gate.engine.changes()] == [f"/v1.41/containers/{OURS}/stop?t=5"]
    gate.forget()
    for forbidden in (container.start, container.kill, container.logs, container.remove):
        with pytest.raises(docker.errors.APIError):
            forbidden()
    assert gate.ask("POST", CREATE, run_request(), caller="webserver")[0] == 403
    assert gate.ask("GET", "/v1.41/containers/json", caller="webserver")[0] == 403
    assert gate.engine.changes() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "json"),
        ("POST", "start"),
        ("POST", "stop"),
        ("POST", "kill"),
        ("POST", "wait"),
        ("GET", "logs"),
        ("DELETE", ""),
    ],
)
def test_a_foreign_container_does_not_exist_here(gate: ServedGate, method: str, path: str) -> None:
    # It even has the project's label; but it is no run.
    target = f"/v1.41/containers/{FOREIGN}" + (f"/{path}" if path else "")
    status, answer = gate.ask(method, target)
    assert (status, answer["message"]) == (404, f"docker_gate: No such container: {FOREIGN}")
    assert [asked[:2] for asked in gate.engine.asked] == [
        ("GET", f"/v1.41/containers/{FOREIGN}/json")
    ]


@pytest.mark.parametrize("tag", ["unlabelled", "of-others"])
def test_an_image_that_was_not_built_for_this_project_is_refused(
    gate: ServedGate, tag: str
) -> None:
    status, answer = gate.ask("POST", CREATE, run_request(image=f"{PROJECT}/user_code:{tag}"))
    assert status == 403
    assert "labels" in answer["message"]
    assert gate.engine.changes() == []


def test_an_image_that_is_gone_is_said_as_the_engine_would(gate: ServedGate) -> None:
    client = gate.client()
    with pytest.raises(docker.errors.ImageNotFound, match="No such image"):
        client.api.create_container_from_config(run_request(image=f"{PROJECT}/user_code:gone"))
    with pytest.raises(docker.errors.APIError) as refused:
        client.images.pull(f"{PROJECT}/user_code", "gone")
    assert refused.value.status_code in (400, 403)
    assert gate.engine.changes() == []


def test_a_refusal_says_why_and_is_logged(gate: ServedGate) -> None:
    asked = run_request()
    asked["HostConfig"]["Privileged"] = True
    with pytest.raises(docker.errors.APIError) as refused:
        gate.client().api.create_container_from_config(asked)
    assert refused.value.status_code == 403
    assert refused.value.explanation == (
        'docker_gate: a run\'s container cannot have "HostConfig.Privileged"=true'
    )
    (line,) = [line for line in gate.log if line["event"] == "refused"]
    assert (line["caller"], line["method"], line["path"]) == ("daemon", "POST", CREATE)
    assert "Privileged" in str(line["reason"])
    assert gate.engine.asked == [("GET", "/version", None)]


UNKNOWN = [
    ("POST", "/v1.41/images/create?fromImage=alpine"),
    ("POST", "/v1.41/build"),
    ("GET", "/v1.41/info"),
    ("GET", "/v1.41/events"),
    ("GET", "/v1.41/volumes"),
    ("POST", "/v1.41/volumes/create"),
    ("POST", "/v1.41/networks/create"),
    ("POST", f"/v1.41/networks/{PROJECT}_control/connect"),
    ("POST", f"/v1.41/containers/{OURS}/exec"),
    ("GET", f"/v1.41/containers/{OURS}/archive?path=/"),
    ("PUT", f"/v1.41/containers/{OURS}/archive?path=/"),
    ("POST", f"/v1.41/containers/{OURS}/attach"),
    ("POST", f"/v1.41/containers/{OURS}/update"),
    ("POST", f"/v1.41/containers/{OURS}/rename?name=x"),
    ("GET", f"/v1.41/containers/{OURS}/export"),
    ("POST", "/v1.41/containers/prune"),
    ("POST", "/v1.41/commit"),
    ("POST", "/v1.41/session"),
    ("POST", "/grpc"),
    ("GET", f"/containers/{OURS}/json"),
    ("GET", f"/v1.41/x/v1.41/containers/{OURS}/json"),
    ("GET", f"/x/v1.41/containers/{OURS}/json"),
    ("GET", f"/v1.41/../v1.41/containers/{OURS}/json"),
    ("GET", f"/v1.41//containers/{OURS}/json"),
    ("GET", f"/v1.41/containers/./{OURS}/json"),
    ("GET", f"/v1.41/containers/{OURS}/json/"),
    ("GET", f"/v1.41/containers/{OURS}/../{FOREIGN}/json"),
    ("GET", f"/v1.41/containers/{OURS}%2fjson"),
    ("GET", f"/v1.41/containers/{OURS}%2f..%2f{FOREIGN}/json"),
    ("GET", f"/v1.4/containers/{OURS}/json"),
    ("GET", f"/v1.411/containers/{OURS}/json"),
    ("GET", f"/v1.41/containers/{OURS[:12]}/json"),
    ("GET", "/v1.41/containers/assay-postgres-1/json"),
    ("GET", f"/v1.41/containers/{OURS.upper()}/json"),
    ("GET", f"/v1.41/containers/{OURS}/json?size=1"),
    ("GET", f"/v1.4x/containers/{OURS}/json"),
    ("GET", f"/v1.4//containers/{OURS}/json"),
    ("GET", "/v1.41/containers/json?all=2"),
    ("HEAD", f"/v1.41/containers/{OURS}/json"),
    ("PATCH", f"/v1.41/containers/{OURS}/json"),
    ("POST", f"/v1.41/containers/{OURS}/stop?t=-1"),
    ("POST", f"/v1.41/containers/{OURS}/stop?t=20x"),
    ("POST", f"/v1.41/containers/{OURS}/stop?t=2000"),
    ("POST", f"/v1.41/containers/{OURS}/stop?signal=SIGCONT"),
    ("POST", f"/v1.41/containers/{OURS}/kill?signal=STOP"),
    ("POST", f"/v1.41/containers/{OURS}/start?detachKeys=a"),
    ("GET", f"/v1.41/containers/{OURS}/logs?stdout=1&follow=1"),
    ("GET", f"/v1.41/containers/{OURS}/logs?stdout=1&tail=all"),
    ("GET", f"/v1.41/containers/{OURS}/logs?stdout=1&tail=0"),
    ("GET", f"/v1.41/containers/{OURS}/logs?stdout=1&tail=1x"),
    ("GET", f"/v1.41/containers/{OURS}/logs?stdout=1&tail=1000"),
    ("DELETE", f"/v1.41/containers/{OURS}?force=True"),
    ("DELETE", f"/v1.41/containers/{OURS}?link=True"),
    ("DELETE", f"/v1.41/images/{PROJECT}/user_code:v1"),
    ("POST", f"{CREATE}?name=x"),
    ("POST", f"{CREATE}?platform=linux/amd64"),
    ("GET", "/v1.41/containers/json?filters=" + quote('{"label": ["other"]}')),
    ("GET", "/v1.41/containers/json?filters=" + quote('{"name": ["x"]}')),
    ("GET", "/v1.41/containers/json?filters=" + quote('{"label": [], "label": []}')),
    ("GET", "/_ping"),
    ("GET", "/version?x=1"),
    ("GET", "/version?x="),
    ("OPTIONS", "/version"),
    ("GET", "/"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target"), UNKNOWN, ids=[" ".join(one) for one in UNKNOWN])
def test_what_is_not_known_is_refused(gate: ServedGate, method: str, target: str) -> None:
    status, _ = gate.ask(method, target)
    assert status in (400, 403, 404)
    assert gate.engine.asked == []
    assert [line["event"] for line in gate.log] == ["refused"]


def test_a_body_where_none_belongs_is_refused(gate: ServedGate) -> None:
    # Old engines took a HostConfig with the start of a container.
    assert gate.ask("POST", f"/v1.41/containers/{OURS}/start", {"Privileged": True})[0] == 400
    assert gate.engine.asked == []


@pytest.mark.parametrize("kind", ["", "Content-Type: text/plain\r\n"])
def test_a_create_request_is_json_by_its_own_words(gate: ServedGate, kind: str) -> None:
    body = json.dumps(run_request()).encode()
    head = f"POST {CREATE} HTTP/1.1\r\nHost: docker\r\nContent-Length: {len(body)}\r\n{kind}\r\n"
    assert gate.say(head.encode() + body, "daemon").startswith(b"HTTP/1.1 400 ")
    assert gate.engine.asked == []


def test_the_health_check_sees_the_engine_through_each_socket(gate: ServedGate) -> None:
    assert ailment("daemon", gate.folder) is None
    assert ailment("webserver", gate.folder) is None
    assert "does not answer" in str(ailment("daemon", gate.folder / "elsewhere"))


def test_an_engine_that_is_away_is_said(gate: ServedGate) -> None:
    socket_file = gate.folder / "engine.sock"
    away = gate.folder / "away.sock"
    socket_file.rename(away)
    try:
        assert gate.ask("GET", "/version") == (
            502,
            {"message": "docker_gate: the Docker engine does not answer (FileNotFoundError)"},
        )
        assert "502" in str(ailment("daemon", gate.folder))
    finally:
        away.rename(socket_file)
