"""The asset cohort_export, and the command: settings that are refused, files that are replaced."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tests.genomics.conftest import RunCallSet
from tests.genomics.vcf_text import write_vcf
from user_code.cli import main
from user_code.shared.publishing import Publisher

ROWS = ["1 100 rs1 A G 50 PASS . GT 0/0 0/1", "1 200 . C T 29 PASS . GT 0/0 0/1"]
SAMPLES = ["subject_one", "subject_two"]


@pytest.fixture
def run_export(landing: Path, run_call_set: RunCallSet) -> Any:
    write_vcf(landing / "cohort.vcf.gz", ROWS, SAMPLES)
    return lambda **config: run_call_set(
        "cohort", job="genomics_export", op="cohort_export", **config
    )


@pytest.mark.parametrize(
    ("config", "written"),
    [
        ({"keep_samples": "some.txt"}, "subject_two"),
        ({"remove_samples": "some.txt"}, "subject_one"),
    ],
)
def test_samples_are_chosen_by_a_list_that_no_record_shows(
    config: dict[str, str],
    written: str,
    run_export: Any,
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASSAY_CONTRACTS", str(tmp_path / "contracts"))
    (tmp_path / "contracts/genomics").mkdir(parents=True)
    (tmp_path / "contracts/genomics/some.txt").write_text("subject_two\n")
    result = run_export(**config)
    assert result.success
    header = (publisher.base / "reports/genomics/cohort/cohort_export.csv").read_text().split()[0]
    assert header.split(",")[-1] == written
    assert header.count("subject_") == 1
    assert "subject_" not in str(result.get_asset_materialization_events())


def test_a_list_that_is_not_there_is_named(run_export: Any, publisher: Publisher) -> None:
    result = run_export(keep_samples="absent.txt")
    message = str([event.event_specific_data for event in result.get_step_failure_events()])
    assert "absent.txt: the list of samples can't be read (FileNotFoundError)" in message
    assert not list(publisher.base.rglob("*cohort_export*"))


def test_the_newest_export_is_the_only_one(run_export: Any, publisher: Publisher) -> None:
    folder = publisher.base / "reports/genomics/cohort"
    assert run_export(output_format="vcf.gz", min_quality_score=20.0).success
    assert [file.name for file in folder.iterdir()] == ["cohort_export.vcf.gz"]
    result = run_export(output_format="csv", batch_size=1)
    assert result.success
    assert [file.name for file in folder.iterdir()] == ["cohort_export.csv"]
    assert (folder / "cohort_export.csv").read_text().count("\n") == 2
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dagster/row_count"].value == 1
    assert metadata["file"].value == "reports/genomics/cohort/cohort_export.csv"
    assert {"peak_memory_mb", "cpu_s"} <= set(metadata)
    assert "subject_" not in str(metadata)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"output_format": "xlsx"}, "output_format"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 2_000_000}, "batch_size"),
        ({"min_quality_score": -1.0}, "min_quality_score"),
        ({"keep_samples": "../secret"}, "keep_samples"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_refused_value_is_named_and_nothing_is_written(
    setting: dict[str, object], named: str, run_export: Any, publisher: Publisher
) -> None:
    try:
        result = run_export(**setting)
        message = str([event.event_specific_data for event in result.get_step_failure_events()])
    except dg.DagsterInvalidConfigError as error:
        message = str(error)
    assert named in message
    assert not list(publisher.base.rglob("cohort_export*"))


def test_a_refused_file_fails_for_good(
    landing: Path, run_export: Any, instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    (landing / "cohort.vcf.gz").write_bytes(b"nonsense")
    result = run_export()
    assert not result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/max_retries"] == "0"
    assert not list(publisher.base.rglob("*cohort_export*"))


def test_the_command_writes_what_its_file_s_name_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_vcf(tmp_path / "c.vcf", ROWS, SAMPLES)
    (tmp_path / "remove").write_text("subject_one\n\n")
    command = ["genomics", "export", str(path), "--out", str(tmp_path / "out/c.parquet")]
    assert main([*command, "--remove", str(tmp_path / "remove")]) == 0
    assert "1 rows, 1 samples" in capsys.readouterr().out
    assert pl.read_parquet(tmp_path / "out/c.parquet")["genotypes"].to_list() == [[1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "c.xlsx"], "its ending names no form. Use --output-format: csv, parquet"),
        (["--out", "c.csv", "--batch-size", "0"], "--batch-size: not between 1 and 1000000"),
        (["--out", "c.csv", "--min-quality-score=-1"], "--min-quality-score: not 0 or more"),
        (["--out", "c.csv", "--keep", "strangers"], "1 of the listed samples aren't in it"),
    ],
)
def test_the_command_refuses_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_vcf(tmp_path / "c.vcf", ROWS, SAMPLES)
    (tmp_path / "strangers").write_text("subject_three")
    assert main(["genomics", "export", "c.vcf", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert "subject_" not in error
    assert not list(tmp_path.glob("*.csv"))
