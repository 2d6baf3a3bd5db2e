"""How far a pass is: in a run's log, and on a terminal."""

import io
import logging
import sys
from pathlib import Path

import pytest

from tests.genomics.vcf_text import write_vcf
from user_code.cli import main
from user_code.genomics import progress
from user_code.genomics.progress import log_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _vcf(folder: Path) -> str:
    rows = [f"1 {position} . A G 50 . . GT 0/1 1/1" for position in range(1, 301)]
    return str(write_vcf(folder / "c.vcf", rows, ["subject_one", "subject_two"]))


def test_the_log_says_rate_and_time_left_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO):
        tell = log_progress(logging.getLogger("run"), every_seconds=5)
        for done in (10, 60, 70, 100):
            tell(done, 100)
    assert caplog.messages == [
        "60 of 100 records, 10 a second, 4 s left",
        "100 of 100 records, 10 a second, 0 s left",
    ]


def test_a_terminal_sees_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["genomics", "qc", _vcf(tmp_path), "--out", str(tmp_path / "out")]) == 0
    shown = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "100%" in shown
    assert "300/300" in shown
    assert "subject" not in shown


def test_a_file_sees_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["genomics", "qc", _vcf(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert capfd.readouterr().err == ""
