"""The job on real files: from the landing zone to Parquet, warehouse, metadata, alerts."""

import json
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tests.genomics.conftest import RunCallSet
from tests.genomics.vcf_text import write_vcf
from user_code.genomics.assets import call_set_qc
from user_code.genomics.config import GenomicsQcConfig
from user_code.genomics.domain.contracts import (
    COHORT_QC,
    RAW_GENOMIC_DATA,
    SAMPLE_QC,
    VARIANT_ANALYSIS,
)
from user_code.shared.publishing import Publisher
from user_code.shared.warehouse import Warehouse

ROWS = [
    "1 100 rs1 A G 50 PASS . GT:DP:GQ 0/0:10:30 0/1:20:40 1/1:30:50",
    "1 200 . C T 29.9 PASS . GT:DP:GQ 0/0:10:30 0/0:20:40 0/1:30:50",
    "1 300 . G A,T 30 q10 . GT:DP:GQ ./.:.:. 1/2:20:40 0/2:30:60",
    "1 400 . T C . . . GT:DP:GQ 0/0:10:30 0/0:20:40 0/1:30:50",
]
SAMPLES = ["subject_one", "subject_two", "subject_three"]


def rows_of(warehouse: Warehouse, statement: str) -> list[tuple[object, ...]]:
    with warehouse.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, dg.MetadataValue]]:
    return {
        event.asset_key.to_user_string(): dict(event.materialization.metadata)
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def test_a_call_set_becomes_parquet_files_and_warehouse_rows(
    landing: Path, run_call_set: RunCallSet, publisher: Publisher, warehouse: Warehouse
) -> None:
    write_vcf(landing / "cohort.vcf.gz", ROWS, SAMPLES)
    result = run_call_set("cohort")
    assert result.success
    assert rows_of(
        warehouse,
        "SELECT call_set, n_samples, n_records, n_variants, n_passing, n_low_quality,"
        " n_missing_quality, genome_build, run_id FROM genomics.raw_genomic_data",
    ) == [("cohort", 3, 4, 5, 3, 1, 1, "GRCh37", result.run_id)]
    assert rows_of(
        warehouse,
        'SELECT variant_id, passes, reason, ac, an, n_het, sample_count, avg_quality, "filter"'
        " FROM genomics.variant_analysis ORDER BY pos, alt",
    ) == [
        ("1:100:A:G", True, None, 3, 6, 1, 2, 45.0, "PASS"),
        ("1:200:C:T", False, "low_quality", 1, 6, 1, 1, 50.0, "PASS"),
        ("1:300:G:A", True, None, 1, 4, 1, 1, 40.0, "q10"),
        ("1:300:G:T", True, None, 2, 4, 2, 2, 50.0, "q10"),
        ("1:400:T:C", False, "missing_quality", 1, 6, 1, 1, 50.0, "."),
    ]
    kept = publisher.store.scan("genomics", "quality_filtered_data", ["cohort"]).collect()
    assert kept["genotypes"].to_list() == [[0, 1, 2], [-1, 1, 0], [-1, 1, 1]]
    footer = pl.read_parquet_metadata(
        publisher.store.path("genomics", "quality_filtered_data", "cohort")
    )
    assert json.loads(footer["assay.samples"]) == SAMPLES


def test_each_materialisation_says_its_rows_columns_and_cost_and_shows_the_spectrum(
    landing: Path, run_call_set: RunCallSet, publisher: Publisher
) -> None:
    write_vcf(landing / "cohort.vcf.gz", ROWS, SAMPLES)
    found = materialized(run_call_set("cohort"))
    assert set(found) == {
        "raw_genomic_data",
        "quality_filtered_data",
        "variant_analysis",
        "sample_qc",
        "cohort_qc",
    }
    assert found["variant_analysis"]["dagster/row_count"].value == 5
    assert found["quality_filtered_data"]["dropped_low_quality"].value == 1
    for facts in found.values():
        assert {"dagster/column_schema", "duration_s", "peak_memory_mb", "cpu_s"} <= set(facts)
    assert "data:image/svg+xml;base64," in str(
        found["variant_analysis"]["site_frequency_spectrum"].value
    )
    assert {"call_rate", "ti_tv", "het_hom"} <= set(found["sample_qc"])
    assert found["cohort_qc"]["report"].value == "reports/genomics/cohort/report.html"
    assert (publisher.base / "reports/genomics/cohort/report.html").is_file()
    assert "subject_" not in str(found)


def test_the_report_is_a_link_where_reports_are_served(
    landing: Path, run_call_set: RunCallSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_REPORTS_URL", "http://assay.example/reports/")
    write_vcf(landing / "cohort.vcf.gz", ROWS, SAMPLES)
    found = materialized(run_call_set("cohort"))
    for asset in ("variant_analysis", "sample_qc", "cohort_qc"):
        assert found[asset]["report"] == dg.MetadataValue.url(
            "http://assay.example/reports/genomics/cohort/report.html"
        )


def test_all_checks_pass_on_a_good_call_set(landing: Path, run_call_set: RunCallSet) -> None:
    write_vcf(landing / "cohort.bcf", ROWS, SAMPLES)
    evaluations = run_call_set("cohort").get_asset_check_evaluations()
    assert len(evaluations) == 7
    assert all(evaluation.passed for evaluation in evaluations)


def test_a_variant_that_is_listed_twice_is_a_warning(
    landing: Path, run_call_set: RunCallSet
) -> None:
    write_vcf(landing / "cohort.vcf", [ROWS[0], ROWS[0]], SAMPLES)
    result = run_call_set("cohort")
    assert result.success
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [check.check_name for check in failed] == ["variants_unique"]


def test_a_corrected_file_replaces_the_rows_of_its_call_set_alone(
    landing: Path, run_call_set: RunCallSet, warehouse: Warehouse
) -> None:
    write_vcf(landing / "one.vcf", ROWS[:1], SAMPLES)
    write_vcf(landing / "two.vcf", ROWS, SAMPLES)
    assert run_call_set("one").success
    assert run_call_set("two").success
    write_vcf(landing / "one.vcf", ROWS[1:2], SAMPLES)
    assert run_call_set("one").success
    counts = "SELECT call_set, min(pos), count(*) FROM genomics.variant_analysis GROUP BY 1"
    assert sorted(rows_of(warehouse, counts)) == [("one", 200, 1), ("two", 100, 5)]


def test_the_limit_is_configurable_and_nonsense_is_refused(
    landing: Path, run_call_set: RunCallSet, warehouse: Warehouse
) -> None:
    write_vcf(landing / "cohort.vcf", ROWS, SAMPLES)
    assert run_call_set("cohort", min_qual=20.0, keep_missing_quality=True).success
    kept = "SELECT n_passing, min_qual FROM genomics.raw_genomic_data"
    assert rows_of(warehouse, kept) == [(5, 20.0)]
    assert not run_call_set("cohort", min_qual=-1.0).success


def test_a_damaged_file_is_quarantined_alerted_and_leaves_nothing(
    landing: Path,
    run_call_set: RunCallSet,
    publisher: Publisher,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
) -> None:
    whole = write_vcf(landing / "cohort.vcf.gz", ROWS, SAMPLES).read_bytes()
    (landing / "cohort.vcf.gz").write_bytes(whole[:-28])
    result = run_call_set("cohort")
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/max_retries"] == "0"
    kept = publisher.base / "quarantine/genomics/cohort"
    assert (kept / "cohort.vcf.gz").read_bytes() == whole[:-28]
    note = json.loads((kept / "reason.json").read_text())
    assert note["files"] == ["cohort.vcf.gz"]
    assert note["reason"] == "the BGZF end marker is missing"
    assert note["place"] == f"cohort.vcf.gz, byte {len(whole) - 28}"
    alert = "SELECT kind, severity, domain, state FROM ops.alerts"
    assert rows_of(warehouse, alert) == [("input.refused", "error", "genomics", "open")]
    assert rows_of(warehouse, "SELECT 1 FROM genomics.raw_genomic_data") == []
    assert not list((publisher.base / "data").rglob("*parquet*"))

    (landing / "cohort.vcf.gz").write_bytes(whole)
    assert run_call_set("cohort").success
    assert rows_of(warehouse, "SELECT state FROM ops.alerts") == [("closed",)]
    assert not kept.exists()


def test_what_is_too_large_for_quarantine_is_named_there(
    landing: Path, run_call_set: RunCallSet, publisher: Publisher
) -> None:
    write_vcf(landing / "cohort/a.vcf", ROWS, SAMPLES)
    (landing / "cohort/b.vcf").write_bytes(b"nonsense")
    for most, kept in ((0.0, ["reason.json"]), (1.0, ["a.vcf", "b.vcf", "reason.json"])):
        assert not run_call_set("cohort", max_quarantine_gb=most).success
        folder = publisher.base / "quarantine/genomics/cohort"
        assert sorted(file.name for file in folder.iterdir()) == kept
        assert [file.name for file in folder.parent.iterdir()] == ["cohort"]


def test_a_partition_that_could_leave_the_data_folder_fails_for_good(
    run_call_set: RunCallSet, publisher: Publisher, instance: dg.DagsterInstance
) -> None:
    result = run_call_set("../escape")
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/max_retries"] == "0"
    assert not list(publisher.base.rglob("*escape*"))


def test_the_long_form_keeps_two_of_35_25_40_all_at_least_30(
    landing: Path, run_call_set: RunCallSet, publisher: Publisher, warehouse: Warehouse
) -> None:
    pl.DataFrame(
        {
            "sample_id": ["a", "b", "c"],
            "variant_id": ["v1", "v1", "v1"],
            "quality_score": [35, 25, 40],
        }
    ).write_parquet(landing / "raw_samples.parquet")
    result = run_call_set("raw_samples")
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    kept = publisher.store.scan("genomics", "quality_filtered_data", ["raw_samples"]).collect()
    assert kept.height == 2
    assert (kept["quality_score"] >= 30).all()
    assert rows_of(
        warehouse,
        "SELECT variant_id, sample_count, avg_quality, ac FROM genomics.variant_analysis",
    ) == [("v1", 2, 37.5, None)]


def test_the_assets_can_be_called_as_a_function(
    landing: Path, publisher: Publisher, warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    write_vcf(landing / "cohort.vcf", ROWS, SAMPLES)
    instance.add_dynamic_partitions("call_set", ["cohort"])
    context = dg.build_asset_context(partition_key="cohort", instance=instance)
    results = list(call_set_qc(context, GenomicsQcConfig(), publisher))
    assert [result.asset_key for result in results] == [
        dg.AssetKey(name)
        for name in (
            "raw_genomic_data",
            "quality_filtered_data",
            "variant_analysis",
            "sample_qc",
            "cohort_qc",
        )
    ]
    assert len(rows_of(warehouse, "SELECT 1 FROM genomics.sample_qc")) == 3


@pytest.mark.parametrize("contract", [RAW_GENOMIC_DATA, VARIANT_ANALYSIS, SAMPLE_QC, COHORT_QC])
def test_the_warehouse_tables_have_the_columns_of_their_contracts(
    contract: object, warehouse: Warehouse
) -> None:
    columns = rows_of(
        warehouse,
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'genomics'"
        f" AND table_name = '{contract.name}'",  # type: ignore[attr-defined]
    )
    expected = {"call_set", "run_id", "loaded_at", *contract.names}  # type: ignore[attr-defined]
    assert {str(name) for (name,) in columns} == expected


def test_a_full_disk_does_not_keep_the_alert_from_being_raised(
    landing: Path,
    run_call_set: RunCallSet,
    publisher: Publisher,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    (landing / "cohort.vcf").write_bytes(b"nonsense")
    assert not run_call_set("cohort").success
    folder = publisher.base / "quarantine/genomics/cohort"
    assert [file.name for file in folder.iterdir()] == ["reason.json"]
    assert "No space left" in json.loads((folder / "reason.json").read_text())["files"]
    assert rows_of(warehouse, "SELECT kind FROM ops.alerts") == [("input.refused",)]


def test_a_reference_is_checked_and_left_aligned_against(
    landing: Path,
    run_call_set: RunCallSet,
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSAY_CONTRACTS", str(tmp_path / "contracts"))
    reference = tmp_path / "contracts/genomics/tiny.fa"
    reference.parent.mkdir(parents=True)
    reference.write_text(">1\nGATTTTC\n")
    row = "1 4 . TT T 50 . . GT 0/0 0/1 1/1"
    write_vcf(landing / "cohort.vcf", [row], SAMPLES)
    assert run_call_set("cohort", reference="tiny.fa").success
    found = "SELECT reference, n_realigned, variant_id FROM genomics.raw_genomic_data"
    found += " JOIN genomics.variant_analysis USING (call_set)"
    assert rows_of(warehouse, found) == [("tiny.fa", 1, "1:2:AT:A")]
    assert not run_call_set("cohort", reference="other.fa").success
    assert not run_call_set("cohort", reference="../tiny.fa").success
