"""A forgotten call set is nowhere any more, and the others are as they were."""

import shutil
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from tests.genomics.conftest import RunCallSet
from tests.genomics.vcf_text import write_vcf
from user_code.genomics.assets import CALL_SETS
from user_code.genomics.domain.call_set import landed_paths
from user_code.genomics.forget import ASSETS, FORGOTTEN, StillThereError, forget, main
from user_code.shared.landing import KnownFile
from user_code.shared.landing_memory import remember
from user_code.shared.publishing import Publisher
from user_code.shared.warehouse import SupersededError, Warehouse

ROWS = ["1 100 . A G 50 PASS . GT 0/0 0/1", "1 200 . C T 60 PASS . GT 1/1 0/1"]


@pytest.fixture
def computed(
    landing: Path, run_call_set: RunCallSet, publisher: Publisher, warehouse: Warehouse
) -> None:
    """Call sets `kept` and `gone`; of `gone` an export, too, a refusal, and half a file."""
    for name in ("kept", "gone"):
        write_vcf(landing / f"{name}.vcf", ROWS, ["a", "b"])
        assert run_call_set(name).success
    assert run_call_set("gone", job="genomics_export", op="cohort_export").success
    whole = (landing / "gone.vcf").read_text()
    (landing / "gone.vcf").write_text(whole[:-5])
    assert not run_call_set("gone").success
    (publisher.base / "data/genomics/variant_analysis/.gone.parquet.1.tmp").write_text("half")
    known = {f"genomics/{name}.vcf": KnownFile("f", name, 1) for name in ("kept", "gone")}
    with warehouse.transaction() as cursor:
        remember(cursor, "genomics_landing", 1, known)


def _names(publisher: Publisher) -> list[str]:
    return sorted(str(path.relative_to(publisher.base)) for path in publisher.base.rglob("*"))


def _counts(warehouse: Warehouse, call_set: str) -> list[int]:
    tables = ("raw_genomic_data", "variant_analysis", "sample_qc", "cohort_qc")
    queries = [f"SELECT count(*) FROM genomics.{name} WHERE call_set = %s" for name in tables]
    queries.append("SELECT count(*) FROM shared.landed_files WHERE partition = %s")
    found = []
    with warehouse.transaction() as cursor:
        for query in queries:
            cursor.execute(query, (call_set,))
            ((count,),) = cursor.fetchall()
            found.append(int(count))
    return found


@pytest.mark.usefixtures("computed")
def test_nothing_of_it_is_left_and_the_rest_stays(
    landing: Path, publisher: Publisher, warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    (landing / "gone.vcf").unlink()
    before = _names(publisher)
    removed = forget(warehouse, instance, publisher.base, landing, "gone")
    assert any("gone" in name for name in before)
    left = [name for name in before if "gone" not in name]
    assert [name for name in _names(publisher) if "landing" not in name] == [
        name for name in left if "landing" not in name
    ]
    assert _counts(warehouse, "gone") == [0, 0, 0, 0, 0]
    assert _counts(warehouse, "kept") == [1, 2, 2, 1, 1]
    assert removed.rows == {
        "genomics.raw_genomic_data": 1,
        "genomics.variant_analysis": 2,
        "genomics.sample_qc": 2,
        "genomics.cohort_qc": 1,
    }
    assert {"quarantine/genomics/gone", "reports/genomics/gone"} <= set(removed.files)
    assert removed.runs == 3
    assert [run.tags["dagster/partition"] for run in instance.get_runs()] == ["kept"]
    assert instance.get_dynamic_partitions(str(CALL_SETS.name)) == ["kept"]
    with warehouse.transaction() as cursor:
        cursor.execute("SELECT state FROM ops.alerts WHERE key = 'input.refused:genomics:gone'")
        assert cursor.fetchall() == [("closed",)]
        cursor.execute("SELECT asset FROM ops.partition_commits WHERE run_id = %s", (FORGOTTEN,))
        assert sorted(asset for (asset,) in cursor.fetchall()) == list(ASSETS)
    again = forget(warehouse, instance, publisher.base, landing, "gone")
    assert again.lines() == []


@pytest.mark.usefixtures("computed")
def test_what_lies_in_the_landing_zone_must_go_first(
    landing: Path, publisher: Publisher, warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    with pytest.raises(StillThereError, match=r"gone\.vcf is in .*: remove it first"):
        forget(warehouse, instance, publisher.base, landing, "gone")
    assert _counts(warehouse, "gone") == [1, 2, 2, 1, 1]


@pytest.mark.usefixtures("computed")
def test_a_run_in_flight_is_waited_for(
    landing: Path, publisher: Publisher, warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    (landing / "gone.vcf").unlink()
    running = dg.DagsterRun(
        job_name="genomics_call_set",
        run_id="r1",
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "gone"},
    )
    instance.add_run(running)
    with pytest.raises(StillThereError, match="run r1 on gone hasn't ended"):
        forget(warehouse, instance, publisher.base, landing, "gone")
    assert _counts(warehouse, "gone") == [1, 2, 2, 1, 1]


@pytest.mark.usefixtures("computed")
def test_an_attempt_that_began_before_can_publish_nothing(
    landing: Path, publisher: Publisher, warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    (landing / "gone.vcf").unlink()
    started = warehouse.now()
    forget(warehouse, instance, publisher.base, landing, "gone")
    for asset in ASSETS:
        with (
            pytest.raises(SupersededError),
            warehouse.commit(asset, ["gone"], "zombie", started),
        ):
            raise AssertionError("it passed the fence")
    later = warehouse.now() + timedelta(seconds=1)
    with warehouse.commit(ASSETS[0], ["gone"], "landed again", later):
        pass


@pytest.mark.usefixtures("computed")
def test_cut_short_it_is_run_again(
    landing: Path,
    publisher: Publisher,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (landing / "gone.vcf").unlink()

    def full(_path: Path) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(shutil, "rmtree", full)
        with pytest.raises(OSError, match="the disk is gone"):
            forget(warehouse, instance, publisher.base, landing, "gone")
    assert _counts(warehouse, "gone") == [1, 2, 2, 1, 1]  # the transaction is whole or not at all
    forget(warehouse, instance, publisher.base, landing, "gone")
    assert _counts(warehouse, "gone") == [0, 0, 0, 0, 0]
    assert not [name for name in _names(publisher) if "gone" in name]


def test_an_index_and_a_folder_are_of_the_call_set(tmp_path: Path) -> None:
    for name in ("c.vcf.gz", "c.vcf.gz.tbi", "c.bcf.csi", "c2.vcf", "c.notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c").mkdir()
    assert sorted(path.name for path in landed_paths(tmp_path, "c")) == [
        "c", "c.bcf.csi", "c.vcf.gz", "c.vcf.gz.tbi",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [[], [""], ["a", "b"]])
def test_without_a_name_nothing_is_forgotten(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert "make forget CALL_SET=cohort" in capsys.readouterr().err
