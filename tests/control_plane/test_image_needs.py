"""An image is only ever said to be needed by so many runs if that is known for certain."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from control_plane.image_needs import main


@pytest.mark.parametrize("wrong", [{"ASSAY_PG_HOST": "/nowhere"}, {"ASSAY_RUN_CPUS": "many"}])
def test_what_cannot_be_known_is_no_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: dict[str, str]
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["image_needs", "assay/code:1"])
    assert main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("image_needs: ")


@pytest.mark.parametrize("words", [[], ["assay/code:1", "assay/code:2"]])
def test_it_is_asked_for_one_image(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr("sys.argv", ["image_needs", *words])
    with pytest.raises(SystemExit, match="IMAGE"):
        main()


def test_the_count_is_all_that_is_printed(
    kept: dg.DagsterInstance,
    postgres_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    started = dg.DagsterRunStatus.STARTED
    create_run_for_test(kept, "a_job", status=started, tags={"docker/image": "assay/code:1"})
    for name, value in postgres_environment.items():
        monkeypatch.setenv(name, value)
    for image, count in {"assay/code:1": "1\n", "assay/code:2": "0\n"}.items():
        monkeypatch.setattr("sys.argv", ["image_needs", image])
        assert main() == 0
        assert capsys.readouterr().out == count
