"""The way in of a whole Assay: logins that `make user` makes, and what a viewer can do: look."""

import json
import urllib.error
import urllib.request

import pytest
from assay_stack import AssayStack
from dagster_api import REPORT_ASSET, DagsterApi
from dagster_graphql import DagsterGraphQLClient, ReloadRepositoryLocationStatus
from docker_engine import docker
from requests.auth import HTTPBasicAuth
from websockets.sync.client import connect
from websockets.typing import Subprotocol

MUTATIONS = "{ __schema { mutationType { fields { name } } } }"


@pytest.fixture(scope="module")
def viewer(assay: AssayStack) -> DagsterApi:
    return assay.new_login("vera", "viewer")


def post(api: DagsterApi, path: str, body: object, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"{api.url}{path}",
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": api.authorization,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_viewer_sees_the_same_and_no_mutation_of_the_live_schema_is_executed(
    assay: AssayStack, viewer: DagsterApi
) -> None:
    assert viewer.sensors() == assay.api.sensors()
    names = [f["name"] for f in viewer.ask(MUTATIONS)["__schema"]["mutationType"]["fields"]]
    assert len(names) > 20
    assert {"launchRun", "setNuxSeen", "logTelemetry", "wipeAssets"} <= set(names)
    for name in names:
        status, text = post(viewer, "/graphql", {"query": f"mutation {{ {name} }}"})
        assert (status, "change nothing" in text) == (400, True), name


PARTITIONS = """
{ assetNodes { assetKey { path } partitionStats { numMaterialized numPartitions }
    assetPartitionStatuses { __typename }
    latestRunForPartition: assetMaterializations(limit: 1) { runId } }
  runsOrError { ... on Runs { results { runId stats { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { healthy } } autoMaterializePaused }
  partitionBackfillsOrError { __typename }
  sensorsOrError(repositorySelector: {
      repositoryName: "__repository__", repositoryLocationName: "user_code"}) {
    ... on Sensors { results { sensorState { ticks(limit: 5) { status } } } } } }
"""


def test_what_a_viewer_looks_at_is_read_by_a_role_that_can_write_nothing(
    assay: AssayStack, viewer: DagsterApi, samples_done: None
) -> None:
    # Partitions' states are kept in a table: forgotten there, so that they are computed now.
    assay.psql("update asset_keys set cached_status_data = null", "dagster")
    seen = viewer.ask(PARTITIONS)
    mine, theirs = (
        {node["assetKey"]["path"][0]: node["partitionStats"] for node in data["assetNodes"]}
        for data in (seen, assay.api.ask(PARTITIONS))
    )
    assert mine["daily_summary"]["numMaterialized"] >= 120
    assert mine == theirs
    said = docker("logs", "--tail", "500", str(assay.service("viewer")["Id"]))
    assert "InsufficientPrivilege" not in said


def test_a_viewer_reports_no_asset_and_gets_no_debug_file(viewer: DagsterApi) -> None:
    for kind in ("materialization", "check", "observation"):
        post(
            viewer, f"/report_asset_{kind}/forged_by_a_viewer", {"check_name": "x", "passed": True}
        )
    assert viewer.materializations("forged_by_a_viewer") == []
    assert post(viewer, "/download_debug/x", {})[0] == 403


def test_a_viewers_websocket_is_for_looking_alone(assay: AssayStack, viewer: DagsterApi) -> None:
    forged = "forged_by_a_viewers_websocket"
    with connect(
        f"ws://127.0.0.1:{assay.port}/graphql",
        subprotocols=[Subprotocol("graphql-ws")],
        additional_headers={"Authorization": viewer.authorization},
    ) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv(timeout=30))["type"] == "connection_ack"
        start = {"type": "start", "id": "1", "payload": {"query": REPORT_ASSET % forged}}
        socket.send(json.dumps(start))
        said = json.loads(socket.recv(timeout=30))
    assert "Success" not in json.dumps(said)
    assert viewer.materializations(forged) == []


def test_an_admin_may_but_not_from_another_site(assay: AssayStack) -> None:
    mutation = {"query": "mutation { setNuxSeen }"}
    assert post(assay.api, "/graphql", mutation)[0] == 200
    assert post(assay.api, "/graphql", mutation, Origin="http://evil.example")[0] == 403
    assert post(assay.api, "/graphql", mutation, Content_Type="text/plain")[0] == 415
    nobody = DagsterApi(assay.api.url, "admin", "wrong")
    assert post(nobody, "/graphql", mutation)[0] == 401


def test_dagsters_own_client_logs_in(assay: AssayStack) -> None:
    client = DagsterGraphQLClient(
        "127.0.0.1", assay.port, auth=HTTPBasicAuth(assay.api.name, assay.api.password)
    )
    found = client.reload_repository_location("user_code")
    assert found.status == ReloadRepositoryLocationStatus.SUCCESS
