"""A CSV becomes typed Parquet; rows with a gap are dropped and counted; nothing leaks."""

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from user_code.shared import csv_conversion
from user_code.shared.csv_conversion import UnreadableCsvError, convert_csv
from user_code.shared.csv_to_parquet import csv_to_parquet
from user_code.shared.publishing import Publisher

CSV = """id,day,amount,code,note,flag
1,2025-01-01,1.5,007,"a, b",true
2,2025-01-02,,008,c,false
3,2025-01-03,2,009,"line
break",true
"""


def converted(tmp_path: Path, text: str | bytes, name: str = "in.csv") -> pl.DataFrame:
    source = tmp_path / name
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    convert_csv(source, tmp_path / "out.parquet", {"assay.run_id": "r"}, lambda _: None)
    return pl.read_parquet(tmp_path / "out.parquet")


def test_types_hold_for_every_row_and_rows_with_a_null_are_dropped(tmp_path: Path) -> None:
    assert_frame_equal(
        converted(tmp_path, CSV),
        pl.DataFrame(
            {
                "id": [1, 3],
                "day": [date(2025, 1, 1), date(2025, 1, 3)],
                "amount": [1.5, 2.0],
                "code": ["007", "009"],
                "note": ["a, b", "line\nbreak"],
                "flag": [True, True],
            }
        ),
    )
    assert pl.read_parquet_metadata(tmp_path / "out.parquet")["assay.run_id"] == "r"


def test_gzip_is_read_too(tmp_path: Path) -> None:
    assert converted(tmp_path, gzip.compress(CSV.encode()), "in.csv.gz").height == 2


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "-3"], pl.Int64),
        (["1", "2.5"], pl.Float64),
        (["2.5", "1"], pl.Float64),
        (["1", "x"], pl.String),
        (["2025-01-01", "2025-02-31"], pl.String),
        (["12345678901234567890", "1"], pl.String),
        (["0.5", "0"], pl.Float64),
        (["true", "maybe"], pl.String),
        (["01"], pl.String),
    ],
)
def test_a_late_value_widens_the_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[str], kind: pl.DataType
) -> None:
    monkeypatch.setattr(csv_conversion, "_BLOCK_BYTES", 64)  # each value in a block of its own
    rows = [f"{value},{'x' * 60}" for value in values]
    frame = converted(tmp_path, "value,padding\n" + "\n".join(rows) + "\n")
    assert frame.schema["value"] == kind
    assert frame.height == len(values)


def test_columns_without_a_name_are_called_as_pandas_calls_them(tmp_path: Path) -> None:
    frame = converted(tmp_path, "\ufeff,a,,b\n0,x,7,1.5\n1,y,8,2\n")
    assert_frame_equal(
        frame,
        pl.DataFrame(
            {"Unnamed: 0": [0, 1], "a": ["x", "y"], "Unnamed: 2": [7, 8], "b": [1.5, 2.0]}
        ),
    )


def test_a_word_for_missing_is_a_null_and_does_not_change_the_type(tmp_path: Path) -> None:
    missing = ["", "NA", '"NA"', "N/A", "NULL", "null", "NaN", "nan", "None", "<NA>", "#N/A"]
    rows = [f"x,{word}" for word in missing] + [f"{word},1" for word in missing]
    frame = converted(tmp_path, "\n".join(["text,number", *rows, "nano,2", "-,3"]) + "\n")
    assert_frame_equal(frame, pl.DataFrame({"text": ["nano", "-"], "number": [2, 3]}))


def test_a_header_without_rows_gives_no_rows(tmp_path: Path) -> None:
    frame = converted(tmp_path, "a,b\n")
    assert frame.columns == ["a", "b"]
    assert frame.height == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("a,b\n1,2\nsecret\n", "record 3: 1 fields, not 2"),
        (b"a\nsecret\xff\n", "not UTF-8"),
        ("a,a\n1,2\n", "same name"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_without_its_data(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    with pytest.raises(UnreadableCsvError, match=reason) as refused:
        converted(tmp_path, text)
    assert "secret" not in str(refused.value)


def run(publisher: Publisher, **config: str) -> dg.ExecuteInProcessResult:
    return csv_to_parquet.execute_in_process(
        instance=dg.DagsterInstance.ephemeral(),
        run_config={"ops": {"drop_incomplete_rows": {"config": config}}},
        resources={"publisher": publisher},
        raise_on_error=False,
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Publisher]:
    monkeypatch.setenv("ASSAY_LANDING", str(tmp_path / "landing"))
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing", Publisher(root=str(tmp_path / "root"))


def test_the_job_converts_and_says_its_counts(files: tuple[Path, Publisher]) -> None:
    landing, publisher = files
    (landing / "raw.csv").write_text(CSV)
    result = run(publisher, input_path="raw.csv", output_path="a/out.parquet")
    assert result.success
    folder = publisher.base / "data/csv_to_parquet/a"
    assert [file.name for file in folder.iterdir()] == ["out.parquet"]
    (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    metadata: Any = output.step_output_data.metadata
    counts = {
        name: metadata[name].value for name in ("rows_read", "rows_dropped", "dagster/row_count")
    }
    assert {"peak_memory_mb", "cpu_s"} <= set(metadata)
    assert counts == {"rows_read": 3, "rows_dropped": 1, "dagster/row_count": 2}


@pytest.mark.parametrize(
    "config",
    [
        {"input_path": "../secret.csv"},
        {"input_path": "/etc/passwd"},
        {"input_path": "missing.csv"},
        {"output_path": "../finance/daily_summary/2025-01-01.parquet"},
        {"output_path": "/etc/x.parquet"},
        {"output_path": "out.csv"},
    ],
)
def test_a_path_outside_its_folder_fails_for_good(
    files: tuple[Path, Publisher], config: dict[str, str]
) -> None:
    landing, publisher = files
    (landing / "raw.csv").write_text(CSV)
    result = run(publisher, **({"input_path": "raw.csv", "output_path": "o.parquet"} | config))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert next(iter(config)).split("_")[0] in str(failure.step_failure_data.user_failure_data)
