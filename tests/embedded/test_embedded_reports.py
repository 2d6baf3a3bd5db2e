"""The embedded edition's reports, as a browser asks for them, and as an attacker would."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

Answer = tuple[int, dict[str, str], bytes]


class Reports:
    """A running server of reports."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, host: str = "127.0.0.1:{port}") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host.format(port=self.port))
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Reports]:
    folder = tmp_path / "reports/genomics/cohort"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>a report</p>")
    (folder / ".report.html.1.tmp").write_text("half a report")
    (folder / "link.html").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("a secret")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, REPOSITORY / "deploy/embedded_reports.py", str(port), folder.parents[1]]
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        yield Reports(port)
    finally:
        server.terminate()
        server.wait(30)


def test_a_report_is_shown_and_may_do_nothing(reports: Reports) -> None:
    status, headers, body = reports.get("/genomics/cohort/report.html")
    assert (status, body) == (200, b"<p>a report</p>")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example:{port}", "evil.example", "127.0.0.1", ""])
def test_a_name_that_was_made_to_lead_here_gets_nothing(reports: Reports, host: str) -> None:
    status, _, body = reports.get("/genomics/cohort/report.html", host)
    assert status == 421
    assert b"a report" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/genomics/cohort/",
        "/genomics/cohort/.report.html.1.tmp",
        "/genomics/cohort/link.html",
        "/../secret",
        "/genomics/%2e%2e/%2e%2e/secret",
        "/genomics/..%2f..%2fsecret",
    ],
)
def test_nothing_else_is_served(reports: Reports, path: str) -> None:
    status, headers, body = reports.get(path)
    assert status == 404
    assert b"secret" not in body
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_that_lets_others_in_is_refused(tmp_path: Path, address: str) -> None:
    example = (REPOSITORY / ".env.example").read_text()
    (tmp_path / "env").write_text(
        example.replace("ASSAY_UI_ADDRESS=127.0.0.1", f"ASSAY_UI_ADDRESS={address}")
    )
    done = subprocess.run(
        [sys.executable, REPOSITORY / "deploy/embedded.py", "--home", tmp_path / "home"],
        env=os.environ | {"ASSAY_ENV_FILE": str(tmp_path / "env")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"ASSAY_UI_ADDRESS={address} would let others in" in done.stderr
    assert "Assay is at" not in done.stdout
