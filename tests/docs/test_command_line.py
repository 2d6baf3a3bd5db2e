"""`assay` as a user meets it: a version, one-line refusals, and no platform behind it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def assay(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "user_code.cli", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert assay("--version").stdout == f"assay {project['version']}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "required: DOMAIN"),
        (("weather",), "invalid choice: 'weather'"),
        (("genomics",), "required: COMMAND"),
        (("finance", "load"), "required:"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    done = assay(*arguments)

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("genomics", "qc", "absent.vcf.gz", "--out", "out"),
        ("finance", "load", "absent", "--out", "out"),
        ("finance", "detect", "absent.parquet", "--out", "out.parquet"),
    ],
)
def test_an_input_that_is_not_there_is_refused_in_one_line(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = assay(*arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert re.fullmatch(r"assay: .*absent.*\n", done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_command_imports_dagster_or_a_database_driver() -> None:
    code = (
        "import sys, user_code.genomics.command_line, user_code.finance.command_line, "
        "user_code.cli; print(sorted({'dagster', 'psycopg2', 'sqlalchemy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


def test_the_version_does_not_wait_for_data_libraries() -> None:
    code = (
        "import sys\nfrom user_code import cli\n"
        "try: cli.main(['--version'])\nexcept SystemExit: pass\n"
        "print(sorted({'polars', 'cyvcf2', 'numpy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.splitlines()[1:] == ["[]"], done.stderr


def readme_session() -> list[tuple[str, str]]:
    """The commands of the README's command line section, each with the output shown for it."""
    (block,) = re.findall(r"^```console\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    pieces = re.split(r"^\$ (.*)\n", block, flags=re.M)[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def test_the_readme_s_session_shows_what_really_comes_out(tmp_path: Path) -> None:
    session = readme_session()
    mark = "=== this command is done"
    script = "\n".join(
        f"{command.replace('/tmp/assay-demo', str(tmp_path / 'demo'))}; echo '{mark}'"
        # The environment is the one that runs this test, wherever it is.
        for command, _ in session
        if not command.startswith("source ")
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }

    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, capture_output=True, text=True, env=environment
    )

    assert done.returncode == 0, done.stderr
    shown = [output for command, output in session if not command.startswith("source ")]
    assert done.stdout.split(f"{mark}\n")[:-1] == shown
