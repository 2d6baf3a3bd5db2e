"""What is refused is kept for the daemon, and becomes one alert; its role may do no more."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from control_plane.docker_gate.sockets import caller_socket
from control_plane.refused_requests import RefusedRequests
from control_plane.settings import Settings
from tests.control_plane.conftest import ops, postgres_environment  # noqa: F401 (fixtures)
from tests.docker_gate.recording_engine import FOREIGN, OURS
from tests.docker_gate.run_request import RUN_ID, run_request
from tests.docker_gate.served_gate import ServedGate

CREATE = "/v1.41/containers/create"


def privileged() -> dict[str, object]:
    asked = run_request()
    asked["HostConfig"]["Privileged"] = True
    return asked


def test_refusals_of_every_caller_are_the_daemons_to_fetch_once(gate: ServedGate) -> None:
    gate.ask("GET", "/refusals?after=9999999999999999999")
    gate.ask("POST", CREATE, privileged())
    gate.ask("POST", CREATE, run_request(), caller="webserver")
    status, found = gate.ask("GET", "/refusals?after=0")
    assert status == 200
    assert [(one["caller"], one["request"], one["run_id"]) for one in found] == [
        ("daemon", f"POST {CREATE}", RUN_ID),
        ("webserver", f"POST {CREATE}", ""),
    ]
    assert "Privileged" in found[0]["reason"]
    _, left = gate.ask("GET", f"/refusals?after={found[0]['number']}")
    assert left == found[1:]
    assert gate.ask("GET", f"/refusals?after={found[1]['number']}")[1] == []
    assert gate.ask("GET", "/refusals", caller="webserver")[0] in (403, 404)


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=" + "9" * 5_000, "before=1"])
def test_they_are_asked_for_in_one_way(gate: ServedGate, query: str) -> None:
    status, said = gate.ask("GET", f"/refusals?{query}")
    assert (status, "is not known here" in said["message"]) == (403, True)


def test_everyday_refusals_are_none_to_tell(gate: ServedGate) -> None:
    gate.ask("GET", "/refusals?after=9999999999999999999")
    gone = run_request(image="assaytest/user_code:pruned")
    assert gate.ask("POST", CREATE, gone)[0] == 404
    assert gate.ask("POST", "/v1.41/images/create?fromImage=x")[0] == 403  # docker-py's pull
    assert gate.ask("GET", f"/v1.41/containers/{FOREIGN}/json")[0] == 404
    assert gate.ask("GET", f"/v1.41/containers/{OURS}/json")[0] == 200
    assert gate.ask("GET", "/refusals?after=0")[1] == []


@pytest.fixture
def refused(gate: ServedGate, ops: Settings, monkeypatch: pytest.MonkeyPatch) -> RefusedRequests:  # noqa: F811
    gate.ask("GET", "/refusals?after=9999999999999999999")
    monkeypatch.setattr("control_plane.refused_requests.FOLDER", gate.folder)
    socket = f"unix://{caller_socket('daemon', gate.folder)}"
    return RefusedRequests(replace(ops, docker_host=socket, ui_url="http://ui"))


def test_a_refusal_is_an_alert_which_the_same_run_counts_up(
    gate: ServedGate,
    refused: RefusedRequests,
    ops: Settings,  # noqa: F811
) -> None:
    assert refused.has_gate
    assert refused.report() == 0
    for _ in range(2):
        gate.ask("POST", CREATE, privileged())
        assert refused.report() == 1
    assert refused.report() == 0
    with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT key, kind, severity, state, count, facts, link FROM ops.alerts")
        ((*alert, facts, link),) = cursor.fetchall()
        cursor.execute("SELECT transition FROM ops.alert_transitions")
        assert cursor.fetchall() == [("opened",)]
    assert alert == [f"gate.refused:{RUN_ID}", "gate.refused", "error", "open", 2]
    assert "Privileged" in facts["reason"]
    assert link == f"http://ui/runs/{RUN_ID}"


def test_a_refusal_that_could_not_be_written_comes_again(
    gate: ServedGate,
    refused: RefusedRequests,
    ops: Settings,  # noqa: F811
) -> None:
    gate.ask("POST", CREATE, privileged())
    with closing(psycopg2.connect(ops.warehouse_dsn("migrator"))) as connection, connection:
        connection.cursor().execute("REVOKE USAGE ON SCHEMA ops FROM dagster")
    with pytest.raises(psycopg2.Error):
        refused.report()
    with closing(psycopg2.connect(ops.warehouse_dsn("migrator"))) as connection, connection:
        connection.cursor().execute("GRANT USAGE ON SCHEMA ops TO dagster")
    assert refused.report() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM ops.alerts",
        "INSERT INTO ops.alerts (key, kind, subject) VALUES ('a','b','c')",
    ],
)
def test_the_daemons_role_may_do_no_more(ops: Settings, statement: str) -> None:  # noqa: F811
    with (
        closing(psycopg2.connect(ops.warehouse_dsn("dagster"))) as connection,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        connection.cursor().execute(statement)
