"""Runs that fail, and runs that are cancelled."""

import pytest
from assay_stack import AssayStack
from docker_engine import inspect, throttle
from inputs import HEADER, csv_config
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")


def test_a_bad_file_fails_its_run_once_and_alerts(assay: AssayStack, webhook: Webhook) -> None:
    assay.land("genomics/broken.vcf", b"this is no VCF, it says S3CRET\n" * 20)

    def failed() -> list[dict[str, object]]:
        return [
            run
            for run in assay.api.runs(statuses=["FAILURE"])
            if run["tags"].get("dagster/partition") == "broken"
        ]

    (run,) = wait_for("the failed run", failed, seconds=240)
    wait_for("the alert", lambda: webhook.mentioning("run.failed", "broken"), seconds=240)
    assert run["tags"].get("dagster/max_retries") == "0", run["tags"]
    assert len(failed()) == 1, "a permanent failure was tried again"
    assert not webhook.mentioning("S3CRET"), "an alert carries data"
    alert = assay.psql("select domain, state from ops.alerts where key like 'run.failed:%broken'")
    assert alert == [["genomics", "open"]]


def test_a_cancelled_run_takes_its_container_with_it(assay: AssayStack) -> None:
    # 300 MB at a quarter of a CPU: some twenty seconds' work.
    assay.land(
        "long.csv", HEADER.encode() + b"\n" + b"t,2025-01-01,a,groceries,1.00,EUR\n" * 9_000_000
    )
    run_id = assay.api.launch("csv_to_parquet", csv_config("long.csv", "long.parquet"))
    container = assay.run_container(run_id)["Id"]
    throttle(container, 0.25)
    wait_for("the run's start", lambda: assay.api.run(run_id)["status"] == "STARTED", seconds=240)

    assay.api.cancel(run_id)

    wait_for("the run's end", lambda: assay.api.run(run_id)["status"] == "CANCELED", seconds=240)
    wait_for("the container's end", lambda: not inspect(container)["State"]["Running"], seconds=180)
    assert not assay.api.unfinished()
