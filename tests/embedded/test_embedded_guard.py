"""The real embedded edition, asked as a page of another site would make a browser ask it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.embedded.test_embedded_edition import REPOSITORY, free_port, processes_of, wait_for

SOURCES = ("user_code", "control_plane", "deploy", "samples", ".env.example")
CHANGE = (
    "mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION,"
    ' assetKey: {path: ["%s"]} }) { __typename } }'
)
SEEN = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { __typename ... on Asset {
  assetMaterializations(limit: 1) { timestamp } } } }"""
ASSETS = "{ assetNodes { assetKey { path } description } }"
RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "user_code.definitions") {
  __typename ... on WorkspaceLocationEntry { loadStatus } } }"""


class Edition:
    """A running edition of a tree of its own; what it answers."""

    def __init__(self, tree: Path, port: int) -> None:
        self.tree, self.port = tree, port

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text; a header's name has _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        text = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text if body is not None else None, sent)
        answer = connection.getresponse()
        got = answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")
        connection.close()
        return got

    def graphql(self, query: str, **variables: object) -> Any:
        status, _, text = self.ask("POST", "/graphql", {"query": query, "variables": variables})
        assert status == 200, text
        return json.loads(text)["data"]

    def changed(self, name: str) -> bool:
        """Whether the mutation CHANGE of this name was executed."""
        return bool(
            self.graphql(SEEN, key={"path": [name]})["assetOrError"].get("assetMaterializations")
        )

    def websocket(self, **headers: str) -> int:
        """The status of the answer to a WebSocket's request."""
        wish = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        wish |= {"Sec_WebSocket_Protocol": "graphql-ws"}
        wish |= {"Sec_WebSocket_Key": base64.b64encode(b"a" * 16).decode()}
        return self.ask("GET", "/graphql", **(wish | headers))[0]


@pytest.fixture(scope="module")
def edition() -> Iterator[Edition]:
    # Under root the server runs as another user, whom pytest's own folder keeps out.
    folder = Path(tempfile.mkdtemp(prefix="assay-embedded-"))
    folder.chmod(0o755)
    tree, port = folder / "tree", free_port()
    tree.mkdir()
    for name in SOURCES:
        copy: Callable[..., object] = shutil.copytree if "." not in name else shutil.copy
        copy(REPOSITORY / name, tree / name)
    command = [sys.executable, "-W", "ignore", "deploy/embedded.py", "--port", str(port)]
    output = folder / "output"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}
    with output.open("w") as file:
        started = subprocess.Popen(
            [*command, "--home", str(folder / "home"), "--no-samples"],
            cwd=tree, env=environment, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for(lambda: "Assay is at" in output.read_text() or started.poll() is not None, "no UI")
        assert started.poll() is None, output.read_text()
        yield Edition(tree, port)
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(60)
        assert processes_of(folder) == []
        shutil.rmtree(folder, ignore_errors=True)


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost:{port}"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
    {"Sec_Fetch_Site": "same-origin", "Origin": "http://evil.example"},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_another_sites_page_changes_nothing(edition: Edition, foreign: dict[str, str]) -> None:
    headers = {name: value.format(port=edition.port) for name, value in foreign.items()}
    status, _, said = edition.ask("POST", "/graphql", {"query": CHANGE % "foreign"}, **headers)
    assert (status, said.startswith("Refused:")) == (403, True)
    reported = edition.ask("POST", "/report_asset_materialization/foreign", {}, **headers)
    assert reported[0] == 403
    assert not edition.changed("foreign")
    assert edition.websocket(**headers) == 403
    # To look from elsewhere, by a link in an alert say, is fine.
    assert edition.ask("GET", "/runs", **headers)[0] == 200


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/graphql//", "//graphql", "/%67raphql"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_address_executes_a_mutation(edition: Edition, method: str, path: str) -> None:
    edition.ask(method, f"{path}?query={quote(CHANGE % 'by_address')}")
    assert not edition.changed("by_address")
    assert edition.ask(method, "/graphql?query=%7Bversion%7D")[0] == 405


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
)
def test_what_a_form_can_send_changes_nothing(edition: Edition, kind: str) -> None:
    for body in (json.dumps({"query": CHANGE % "by_form"}), f"query={quote(CHANGE % 'by_form')}"):
        assert edition.ask("POST", "/graphql", body, Content_Type=kind)[0] == 415
    asked = f"/graphql?query={quote(CHANGE % 'by_form')}"
    assert edition.ask("POST", asked, "", Content_Type=kind)[0] == 415
    report = "/report_asset_materialization/by_form"
    assert edition.ask("POST", report, "{}", Content_Type=kind)[0] == 415
    assert not edition.changed("by_form")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost@evil", ""]
)
def test_a_name_that_was_made_to_lead_here_shows_nothing(edition: Edition, host: str) -> None:
    host = host.format(port=edition.port)
    for method, path, body in (
        *(("GET", "/", None), ("GET", "/server_info", None)),
        ("POST", "/graphql", {"query": "{ version }"}),
    ):
        assert edition.ask(method, path, body, Host=host, Sec_Fetch_Site="same-origin")[0] == 421
    assert edition.websocket(Host=host, Origin=f"http://{host}") == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(edition: Edition, method: str) -> None:
    status, _, said = edition.ask(method, "/graphql")
    assert (status, said) == (405, "Nothing here is asked for by this method\n")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost:8080"])
def test_our_own_pages_and_scripts_may(edition: Edition, host: str) -> None:
    host = host.format(port=edition.port)
    name = f"own-{host}"
    for headers in ({}, {"Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}):
        for kind in ("application/json", "application/json; charset=utf-8"):
            told = {"Host": host, "Content_Type": kind, **headers}
            assert edition.ask("POST", "/graphql", {"query": CHANGE % name}, **told)[0] == 200
        assert edition.websocket(Host=host, **headers) == 101
    assert edition.changed(name)


def test_nothing_of_it_can_be_framed(edition: Edition) -> None:
    for path in ("/", "/server_info", "/graphql?query=x"):
        assert edition.ask("GET", path)[1]["x-frame-options"] == "DENY"


def test_code_is_read_again_when_the_ui_is_asked_to(edition: Edition) -> None:
    definitions = edition.tree / "user_code/definitions.py"
    added = "\n\n@dg.asset\ndef added_by_hand() -> None:\n    pass\n\n\n"
    added += "defs = dg.Definitions.merge(defs, dg.Definitions(assets=[added_by_hand]))\n"
    assert "added_by_hand" not in json.dumps(edition.graphql(ASSETS))
    definitions.write_text(definitions.read_text() + added)
    done = edition.graphql(RELOAD)["reloadRepositoryLocation"]
    assert done["__typename"] == "WorkspaceLocationEntry", done
    deadline = time.monotonic() + 60
    while "added_by_hand" not in json.dumps(edition.graphql(ASSETS)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
