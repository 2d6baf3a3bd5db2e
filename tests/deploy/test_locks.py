"""The images' locks: hashed, and one Dagster in both of them and in the tests."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LOCKS = ("dagster.txt", "user_code.txt", "dev.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)(.*)$", re.MULTILINE)


def pins(lock: str) -> dict[tuple[str, str], str]:
    """(package, marker) → version."""
    found = PIN.findall((REQUIREMENTS / lock).read_text())
    return {(name, rest.strip(" ;\\").strip()): version for name, version, rest in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_hashed(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    unhashed = [block.split()[0] for block in blocks if "==" in block and "--hash=" not in block]
    assert unhashed == []


def test_both_images_have_the_same_dagster() -> None:
    shared = [
        {key: version for key, version in pins(lock).items() if key[0].startswith("dagster")}
        for lock in ("dagster.txt", "user_code.txt")
    ]
    common = set(shared[0]) & set(shared[1])
    assert {"dagster", "dagster-postgres"} <= {name for name, _ in common}
    assert {key: shared[0][key] for key in common} == {key: shared[1][key] for key in common}


@pytest.mark.parametrize("lock", ["dagster.txt", "user_code.txt"])
def test_what_is_shipped_is_what_is_tested(lock: str) -> None:
    tested = {(name, version) for (name, _), version in pins("dev.txt").items()}
    assert {(name, version) for (name, _), version in pins(lock).items()} <= tested


def test_each_image_holds_only_its_own() -> None:
    dagster = {name for name, _ in pins("dagster.txt")}
    user_code = {name for name, _ in pins("user_code.txt")}
    assert "dagster-webserver" in dagster - user_code
    assert "dagster-docker" in dagster - user_code
    assert {"polars", "duckdb", "cyvcf2"} <= user_code - dagster


def test_sqlalchemy_speaks_psycopg2() -> None:
    for lock in LOCKS:
        (version,) = {v for (name, _), v in pins(lock).items() if name == "sqlalchemy"}
        assert version.startswith("2.0.")


def test_no_lock_names_an_index() -> None:
    for file in REQUIREMENTS.iterdir():
        assert not re.search(r"https?://|--(extra-)?index-url", file.read_text()), file.name
