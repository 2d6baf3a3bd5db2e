"""What lands in landing/genomics asks for runs of the right call sets, once."""

from pathlib import Path

import dagster as dg
import pytest

from tests.genomics.vcf_text import write_vcf
from user_code.genomics.automation import genomics_landing
from user_code.shared.publishing import Publisher
from user_code.shared.warehouse import Warehouse

ROW = ["1 100 . A G 50 . . GT 0/1"]


def tick(
    publisher: Publisher, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"publisher": publisher}
    )
    result = genomics_landing(context)
    assert isinstance(result, dg.SensorResult)
    return result


def asked(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


@pytest.mark.usefixtures("warehouse")
def test_files_and_closed_folders_become_partitions_and_run_requests(
    landing: Path,
    publisher: Publisher,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
    write_vcf(landing / "cohort.vcf.gz", ROW, ["s1"])
    (landing / "cohort.vcf.gz.tbi").write_bytes(b"an index")
    write_vcf(landing / "closed/chr1.vcf", ROW, ["s1"])
    (landing / "closed/_COMPLETE").touch()
    write_vcf(landing / "open/chr1.vcf", ROW, ["s1"])
    first = tick(publisher, instance)
    assert asked(first) == ["closed", "cohort"]
    (added,) = first.dynamic_partitions_requests or []
    assert sorted(added.partition_keys) == ["closed", "cohort"]
    assert asked(tick(publisher, instance, first.cursor)) == []


def test_a_file_of_another_kind_is_an_alert_and_no_run(
    landing: Path,
    publisher: Publisher,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSAY_SETTLE_SECONDS", "0")
    (landing / "reads.bam").write_bytes(b"BAM")
    assert asked(tick(publisher, instance)) == []
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT kind, domain FROM ops.alerts")
        assert cursor.fetchall() == [("landing.unrecognised", "genomics")]
