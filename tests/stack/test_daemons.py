"""One daemon at a time, whose absence is told; the janitor beside a busy queue."""

import subprocess

import pytest
from assay_stack import AssayStack
from docker_engine import docker
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")

SILENT = "daemon.silent:daemon"
WITHIN_SECONDS = 120
SLOTS = 4  # dagster.yaml, max_concurrent_runs


def test_a_second_daemon_waits_and_follows_and_an_absent_one_is_told(
    assay: AssayStack, webhook: Webhook
) -> None:
    first = str(assay.service("daemon")["Id"])
    second = f"{assay.project}-second-daemon"
    before = len(webhook.bodies)
    assay.script(
        "deploy/compose.sh", "run", "--detach", "--no-deps", "--name", second, "daemon"
    )  # fmt: skip
    try:
        says = "another daemon holds the lock"
        wait_for("the second to wait", lambda: says in logs_of(second), seconds=60)
        alone = assay.api.launch("looks_around_inside")
        wait_for("a run beside the second", lambda: assay.api.finished(alone), seconds=180)
        assert len(assay.run_containers(alone)) == 1
        assert "This is the only daemon now." not in logs_of(second)

        docker("stop", first)
        wait_for(
            "the second to follow", lambda: "the only daemon now" in logs_of(second), seconds=60
        )
        followed = assay.api.launch("looks_around_inside")
        wait_for("a run of the second's", lambda: assay.api.finished(followed), seconds=180)
        docker("rm", "--force", second)

        found = wait_for(
            "the silence to be told", lambda: webhook.told(SILENT, "opened", before), WITHIN_SECONDS
        )
        assert found["severity"] == "critical"
    finally:
        subprocess.run(["docker", "rm", "--force", second], capture_output=True, check=False)
        docker("start", first)
    wait_for(
        "its return to be told", lambda: webhook.told(SILENT, "closed", before), WITHIN_SECONDS
    )


def test_the_janitor_takes_old_history_and_nothing_of_a_busy_queue(assay: AssayStack) -> None:
    wait_for("quiet", lambda: not assay.api.unfinished(), seconds=240)
    newest = {
        asset: assay.api.materializations(asset)[0] for asset in ("daily_summary", "sample_qc")
    }
    over = assay.api.launch("looks_around_inside")
    wait_for("a run that is over", lambda: assay.api.finished(over), seconds=180)
    busy = [assay.api.launch("goes_on") for _ in range(SLOTS + 1)]
    try:
        wait_for(
            "all slots to be taken",
            lambda: sum(assay.api.run(run)["status"] == "STARTED" for run in busy) == SLOTS,
            seconds=240,
        )
        # Whatever ended more than a second ago is old.
        said = docker(
            "exec", "--env", "ASSAY_HISTORY_DAYS=0.00001", str(assay.service("janitor")["Id"]),
            "python", "-m", "control_plane.janitor", "once",
            seconds=240,
        )  # fmt: skip
        assert not [run for run in assay.api.runs() if run["runId"] == over], said
        statuses = sorted(assay.api.run(run)["status"] for run in busy)
        assert statuses == ["QUEUED"] + ["STARTED"] * SLOTS
        for asset, kept in newest.items():
            assert assay.api.materializations(asset)[0] == kept
    finally:
        for run in reversed(busy):  # the queued one first
            assay.api.cancel(run)
    wait_for("the end of all", lambda: not assay.api.unfinished(), seconds=240)


def logs_of(container: str) -> str:
    """What a container has written, to either output."""
    done = subprocess.run(
        ["docker", "logs", container],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout
