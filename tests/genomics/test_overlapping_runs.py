"""Two runs over one call set at a time: one of them is the newer for all that they write."""

from pathlib import Path

from tests.genomics.conftest import RunCallSet
from tests.genomics.vcf_text import write_vcf
from user_code.shared.reports import stage_report
from user_code.shared.warehouse import Warehouse


def test_all_tables_of_a_run_have_one_start(
    landing: Path, run_call_set: RunCallSet, warehouse: Warehouse
) -> None:
    write_vcf(landing / "cohort.vcf", ["1 100 . A G 50 PASS . GT 0/0 0/1"], ["a", "b"])
    assert run_call_set("cohort").success
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT started_at) FROM ops.partition_commits")
        assert cursor.fetchone() == (5, 1)


def test_two_runs_do_not_write_to_the_same_temporary_report(tmp_path: Path) -> None:
    older = stage_report(tmp_path, "genomics", "cohort", "the other run's", "run-2")
    report = stage_report(tmp_path, "genomics", "cohort", "this run's", "run-1")
    older.publish()
    report.publish()
    assert report.target.read_text() == "this run's"
    assert list(report.target.parent.iterdir()) == [report.target]
