"""What the gate asks an engine, and what it tells of the answer, whatever the engine says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from control_plane.docker_gate.calls import Call
from control_plane.docker_gate.engine import Answer, Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.refusal import RefusedError
from tests.docker_gate.recording_engine import IMAGE, OURS, RUN_LABELS
from tests.docker_gate.run_request import run_request
from tests.docker_gate.test_outside import ALLOWS, outside_request

KNOWN: dict[str, Any] = {
    "Id": OURS,
    "Name": "/a-name",
    "State": {"Status": "running"},
    "Path": "sh",
    "Mounts": ["a"],
    "Config": {"Image": "i", "Labels": RUN_LABELS, "Tty": False, "Env": ["A=B"], "Cmd": ["x"]},
    "HostConfig": {"Memory": 1, "Binds": ["x:/x"]},
}
CREATE = ("POST", "/v1.41/containers/create")
INSPECT = ("GET", f"/v1.41/containers/{OURS}/json")
LIST = ("GET", "/v1.41/containers/json")
IMAGE_CALL = ("GET", f"/v1.41/images/{IMAGE}/json")
USER_CODE = {"assay.project": "assaytest", "assay.kind": "user_code"}


class ToldEngine(Engine):
    """Answers as a test has told it; by itself it knows one run and the image. `asked` is all."""

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.asked: list[tuple[str, str, object]] = []
        self.patience: list[float] = []
        self.answers: dict[tuple[str, str], Any] = {
            INSPECT: KNOWN,
            IMAGE_CALL: {"Config": {"Labels": USER_CODE}},
            CREATE: (201, {"Id": OURS}),
        }

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: object = None,
        *,
        seconds: float = 60,
    ) -> Answer:
        self.asked.append((method, path, query if body is None else body))
        self.patience.append(seconds)
        said = self.answers.get((method, path), (200, None))
        status, value = said if isinstance(said, tuple) else (200, said)
        return Answer(status, "application/json", json.dumps(value).encode())


@pytest.fixture
def engine() -> ToldEngine:
    return ToldEngine()


def answer(engine: ToldEngine, name: str, **more: Any) -> Any:
    """What the gate says, as JSON, to a call about our container."""
    call = Call(name, "/v1.41", OURS, **more)
    return Gate(engine, ALLOWS).answer(call).json()


def test_no_more_of_a_container_is_told_than_somebody_needs(engine: ToldEngine) -> None:
    assert answer(engine, "inspect") == {
        "Id": OURS,
        "Name": "/a-name",
        "State": {"Status": "running"},
        "Config": {"Image": "i", "Labels": RUN_LABELS, "Tty": False},
        "HostConfig": {"Memory": 1},
    }
    engine.answers["GET", "/version"] = {"ApiVersion": "1.41", "KernelVersion": "x"}
    assert answer(engine, "version") == {"ApiVersion": "1.41"}
    run = {"Id": OURS, "Created": 1, "State": "exited", "Labels": RUN_LABELS}
    engine.answers[LIST] = [run | {"Mounts": [], "Command": "x"}, {"Id": "of-others"}, "odd"]
    assert answer(engine, "list") == [run]


def test_what_the_engine_leaves_out_is_left_out(engine: ToldEngine) -> None:
    engine.answers[INSPECT] = {"Id": OURS, "Config": {"Labels": RUN_LABELS}}
    said = {"Id": OURS, "Config": {"Labels": RUN_LABELS}, "HostConfig": {}}
    assert answer(engine, "inspect") == said
    engine.answers[LIST] = [{"Labels": RUN_LABELS}]
    assert answer(engine, "list") == [{"Labels": RUN_LABELS}]
    engine.answers["GET", "/version"] = {}
    assert answer(engine, "version") == {}
    for odd in ({}, None, "x"):
        engine.answers[LIST] = odd
        assert answer(engine, "list") == []


ODD: dict[str, Any] = {
    "another container": KNOWN | {"Id": "c" * 64},
    "no labels": KNOWN | {"Config": {"Labels": None}},
    "another project": KNOWN | {"Config": {"Labels": RUN_LABELS | {"assay.project": "other"}}},
    "another kind": KNOWN | {"Config": {"Labels": RUN_LABELS | {"assay.kind": "service"}}},
    "no object": [KNOWN],
    "an answer of 404": (404, KNOWN),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("name", ["inspect", "start", "stop", "kill", "wait", "logs", "remove"])
def test_nothing_is_done_to_what_is_not_known_as_a_run_of_ours(
    engine: ToldEngine, odd: Any, name: str
) -> None:
    engine.answers[INSPECT] = odd
    with pytest.raises(RefusedError, match="No such container") as refused:
        answer(engine, name)
    assert refused.value.status == 404
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("name", "where"), [("stop", INSPECT), ("version", ("GET", "/version")), ("create", IMAGE_CALL)]
)
def test_an_engine_in_trouble_is_no_word_for_anything(
    engine: ToldEngine, name: str, where: tuple[str, str]
) -> None:
    engine.answers[where] = (500, engine.answers.get(where))
    with pytest.raises(RefusedError) as refused:
        answer(engine, name, body=json.dumps(run_request()).encode())
    assert refused.value.status == 502
    assert len(engine.asked) == 1


def test_a_list_that_failed_is_no_empty_list(engine: ToldEngine) -> None:
    engine.answers[LIST] = (500, {"message": "no"})
    found = Gate(engine, ALLOWS).answer(Call("list", "/v1.41"))
    assert (found.status, found.json()) == (500, {"message": "no"})


def test_the_engine_is_asked_for_what_was_asked_within_limits(engine: ToldEngine) -> None:
    at = INSPECT[1].removesuffix("/json")
    for call, expected in {
        ("stop", "seconds", 30): ("POST", f"{at}/stop", {"t": "30"}),
        ("stop", "seconds", 999): ("POST", f"{at}/stop", {"t": "120"}),
        ("logs", "tail", 7): ("GET", f"{at}/logs", {"stdout": "1", "stderr": "1", "tail": "7"}),
        ("remove", "volumes", True): ("DELETE", at, {"v": "1"}),
        ("remove", "volumes", False): ("DELETE", at, None),
    }.items():
        name, what, value = call
        answer(engine, name, **{what: value})
        assert engine.asked[-1] == expected
    labels = ["assay.project=assaytest", "assay.kind=run", "dagster/run_id"]
    for everything in (True, False):
        answer(engine, "list", everything=everything, filters=json.dumps({"label": labels[:1]}))
        asked = engine.asked[-1][2]
        assert isinstance(asked, dict)
        assert json.loads(asked.pop("filters")) == {"label": labels}, "always all of them"
        assert asked == ({"all": "1"} if everything else {})


def test_a_stop_may_take_its_time_and_no_wait_is_without_end(engine: ToldEngine) -> None:
    answer(engine, "stop", seconds=999)
    answer(engine, "wait")
    assert engine.patience == [60, 240, 60, 120]


@pytest.mark.parametrize("filters", [{"label": "assay.kind=run"}, {"label": {}}, {"id": [OURS]}])
def test_a_list_is_asked_for_in_one_form(engine: ToldEngine, filters: Any) -> None:
    with pytest.raises(RefusedError, match="the filters"):
        answer(engine, "list", filters=json.dumps(filters))
    assert engine.asked == []


def test_a_container_that_was_not_made_joins_no_network(engine: ToldEngine) -> None:
    engine.answers[CREATE] = (409, {"message": "the name is taken"})
    call = Call("create", "/v1.41", body=json.dumps(outside_request()).encode())
    assert Gate(engine, ALLOWS).answer(call).status == 409
    assert [asked[:2] for asked in engine.asked] == [IMAGE_CALL, CREATE]


def test_a_container_that_cannot_join_is_removed_with_its_volumes(engine: ToldEngine) -> None:
    connect = ("POST", "/v1.41/networks/assaytest_outside_runs/connect")
    engine.answers[connect] = (404, None)
    with pytest.raises(RefusedError) as refused:
        answer(engine, "create", body=json.dumps(outside_request()).encode())
    assert refused.value.status == 409
    assert engine.asked[-1] == ("DELETE", f"/v1.41/containers/{OURS}", {"v": "1"})


def test_a_call_that_nobody_knows_is_refused(engine: ToldEngine) -> None:
    with pytest.raises(RefusedError) as refused:
        answer(engine, "exec")
    assert refused.value.status == 403
