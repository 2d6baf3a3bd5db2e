"""A file is dropped; a container computes it; its rows are in the warehouse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assay_stack import AssayStack
from docker_engine import docker
from inputs import bookings, calls
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")


def computed_by(assay: AssayStack, table: str, where: str) -> str:
    """The id of the run that wrote the rows, as soon as they are there and it has ended."""
    ((run_id,),) = wait_for(
        f"rows in {table} where {where}",
        lambda: assay.psql(f"select distinct run_id from {table} where {where}"),
        seconds=240,
    )
    run = wait_for(f"the end of run {run_id}", lambda: assay.api.finished(run_id), seconds=180)
    assert run["status"] == "SUCCESS", assay.api.story(run_id)
    return run_id


def test_a_finance_file_becomes_rows_through_a_container_of_its_own(assay: AssayStack) -> None:
    day = datetime.now(UTC).date()
    assay.land(f"finance/till/till-{day}.csv", bookings(day, rows=40))

    run_id = computed_by(assay, "finance.daily_summary", "source = 'till'")

    assert assay.psql(
        "select date, currency, round(total_amount, 2), transaction_count "
        "from finance.daily_summary where source = 'till'"
    ) == [[str(day), "EUR", "404.00", "40"]]
    (container,) = assay.run_containers(run_id)
    assert_confined(assay, container)
    newest = assay.api.materializations("daily_summary")[0]
    assert newest["runId"] == run_id
    assert newest["partition"] == str(day)
    facts = {entry["label"] for entry in newest["metadataEntries"]}
    assert {"dagster/row_count", "dagster/column_schema", "duration_s", "peak_memory_mb"} <= facts


def test_a_corrected_file_replaces_exactly_its_rows(assay: AssayStack) -> None:
    day = datetime.now(UTC).date() - timedelta(days=200)
    path = f"finance/kiosk/kiosk-{day}.csv"
    assay.land(path, bookings(day, rows=3, source="kiosk"))
    computed_by(assay, "finance.daily_summary", "source = 'kiosk'")

    assay.land(path, bookings(day, rows=5, source="kiosk", amount="0.01"))

    wanted = [["0.05", "5"]]
    wait_for(
        "the corrected total",
        lambda: (
            assay.psql(
                "select round(total_amount, 2), transaction_count from finance.daily_summary "
                "where source = 'kiosk'"
            )
            == wanted
        ),
        seconds=240,
    )


def test_a_call_set_becomes_rows_through_a_container_of_its_own(assay: AssayStack) -> None:
    assay.land("genomics/small.vcf", calls(sites=6, samples=4))

    run_id = computed_by(assay, "genomics.variant_analysis", "call_set = 'small'")

    assert assay.count("genomics.variant_analysis", "call_set = 'small'") == 6
    assert assay.count("genomics.variant_analysis", "call_set = 'small' and passes") == 3
    (container,) = assay.run_containers(run_id)
    assert_confined(assay, container)
    logs = wait_for("its compute logs", lambda: assay.api.compute_logs(run_id), seconds=20)
    assert "STEP_SUCCESS" in logs


def test_a_forgotten_call_set_is_nowhere(assay: AssayStack) -> None:
    assay.land("genomics/leaving.vcf", calls(sites=2, samples=2))
    run_id = computed_by(assay, "genomics.cohort_qc", "call_set = 'leaving'")
    volumes = [
        word
        for name in ("data", "quarantine", "reports")
        for word in ("--volume", f"{assay.project}_{name}:/assay/{name}:ro")
    ]
    image = assay.setting("ASSAY_USER_CODE_IMAGE")

    def files() -> str:
        find = ["find", "/assay", "-name", "*leaving*"]
        return docker("run", "--rm", "--network", "none", *volumes, image, *find)

    assert "/assay/data/genomics/sample_qc/leaving.parquet" in files()

    said = assay.script("make", "forget", "CALL_SET=leaving")

    assert "removed data/genomics/sample_qc/leaving.parquet" in said
    assert files() == ""
    assert not (assay.landing / "genomics/leaving.vcf").exists()
    for table in ("raw_genomic_data", "variant_analysis", "sample_qc", "cohort_qc"):
        assert assay.count(f"genomics.{table}", "call_set = 'leaving'") == 0
    assert assay.count("shared.landed_files", "partition = 'leaving'") == 0
    assert assay.psql(f"select count(*) from runs where run_id = '{run_id}'", "dagster") == [["0"]]


def test_a_thin_newest_day_alerts(assay: AssayStack, webhook: Webhook) -> None:
    day = datetime.now(UTC).date()
    assay.land(f"finance/booth/booth-{day}.csv", bookings(day, rows=4, source="booth"))
    computed_by(assay, "finance.daily_summary", "source = 'booth'")

    wait_for(
        "the alert about few rows",
        lambda: webhook.mentioning("rows.unusual:finance:booth"),
        seconds=300,
    )

    assert not webhook.mentioning("acct-"), "an alert carries data"


def assert_confined(assay: AssayStack, container: dict[str, Any]) -> None:
    """A run's container has its image, its limits, its mounts, its network, and nothing else."""
    assert container["Config"]["Image"] == assay.setting("ASSAY_USER_CODE_IMAGE")
    assert container["Config"]["User"] not in ("", "0", "root")
    assert container["Config"]["Entrypoint"] == ["with_caches"]
    assert container["Config"]["Labels"]["assay.project"] == assay.project
    host = container["HostConfig"]
    assert host["Memory"] == 2 * 1024**3
    assert host["NanoCpus"] == 2_000_000_000
    assert not host["Privileged"]
    assert host["CapDrop"] == ["ALL"]
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert list(container["NetworkSettings"]["Networks"]) == [f"{assay.project}_runs"]
    mounts = {
        mount["Destination"]: (mount.get("Name"), mount["RW"]) for mount in container["Mounts"]
    }
    assert mounts == {
        f"/assay/{name}": (f"{assay.project}_{name}", writable)
        for name, writable in {
            "data": True, "quarantine": True, "reports": True, "compute_logs": True,
            "landing": False, "contracts": False,
        }.items()
    } | {"/run/assay-secrets": (f"{assay.project}_secret_run", False)}  # fmt: skip
