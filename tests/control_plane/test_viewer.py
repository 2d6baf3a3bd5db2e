"""The viewers' server: no mutation of the schema, and none of the routes that change something."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import dagster as dg
import dagster_webserver.app
import pytest
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_graphql.schema import create_schema
from dagster_webserver.webserver import DagsterWebserver
from starlette.applications import Starlette

from control_plane.viewer import ViewerWebserver, leave_the_cache_alone

MUTATIONS = sorted(create_schema().graphql_schema.mutation_type.fields)


def ask(app: Starlette, method: str, path: str, body: object = None) -> tuple[int, str]:
    """One request to the application; status and text."""
    scope = {
        **{"type": "http", "method": method, "path": path, "query_string": b"", "root_path": ""},
        "headers": [(b"content-type", b"application/json"), (b"host", b"viewer")],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]).decode()


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """The application as dagster-webserver's own command makes it, with our class in its place."""
    folder = str(tmp_path_factory.mktemp("viewer"))
    with (
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.local_temp(folder) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), read_only=True) as context,
    ):
        patch.setattr(dagster_webserver.app, "DagsterWebserver", ViewerWebserver)
        yield dagster_webserver.app.create_app_from_workspace_process_context(context)


def test_upstream_still_makes_its_server_of_the_class_that_we_replace() -> None:
    assert issubclass(ViewerWebserver, DagsterWebserver)
    assert dagster_webserver.app.DagsterWebserver is DagsterWebserver


@pytest.mark.parametrize("name", MUTATIONS)
def test_no_mutation_is_valid(viewer: Starlette, name: str) -> None:
    for document in (f"mutation {{ {name} }}", f"query A {{ version }} mutation B {{ {name} }}"):
        request = {"query": document, "operationName": "B"}
        status, text = ask(viewer, "POST", "/graphql", request)
        assert status == 400
        assert "change nothing" in text
        assert json.loads(text)["data"] is None


def test_looking_is_fine(viewer: Starlette) -> None:
    status, text = ask(viewer, "POST", "/graphql", {"query": "{ version }"})
    assert status == 200
    assert "errors" not in json.loads(text)


def test_routes_that_are_not_for_looking_are_gone(viewer: Starlette) -> None:
    for path in ("report_asset_materialization", "report_asset_check", "report_asset_observation"):
        assert ask(viewer, "POST", f"/{path}/x", {})[0] in (200, 405)  # at best the UI's page
    paths = {str(getattr(route, "path", "")) for route in viewer.routes}
    assert not {path for path in paths if path.startswith(("/download_debug", "/report_asset"))}


def test_looking_at_partitions_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The viewer's database role may not write, and Dagster keeps a cache in an asset's row."""

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
    def parts() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([parts], partition_key="a", instance=instance)

        def kept_after_a_look() -> object:
            get_and_update_asset_status_cache_value(instance, parts.key, parts.partitions_def)
            return instance.get_asset_records([parts.key])[0].asset_entry.cached_status

        name = "can_write_asset_status_cache"
        monkeypatch.setattr(SqlEventLogStorage, name, getattr(SqlEventLogStorage, name))
        leave_the_cache_alone()
        assert kept_after_a_look() is None
        monkeypatch.undo()
        assert kept_after_a_look() is not None
