"""The environment as the control plane reads it."""

from __future__ import annotations

import pytest

from control_plane.settings import SettingsError, settings


def test_defaults_need_no_variable_at_all() -> None:
    got = settings({})
    assert (got.project, got.pg_host, got.pg_port) == ("assay", "postgres", 5432)
    assert (got.run_memory_bytes(), got.run_cpus, got.alert_urls) == (2 * 2**30, 2.0, ())


def test_a_missing_password_is_named_only_when_it_is_needed() -> None:
    with pytest.raises(SettingsError, match="ASSAY_MIGRATOR_PASSWORD is not set"):
        settings({}).warehouse_dsn("migrator")


@pytest.mark.parametrize("password", ["with space", "qu'ote", "back\\slash", "a=b@c/d"])
def test_a_password_of_any_characters_survives(password: str) -> None:
    from psycopg2.extensions import parse_dsn

    dsn = settings({"ASSAY_ALERTER_PASSWORD": password}).warehouse_dsn("alerter")
    assert parse_dsn(dsn)["password"] == password


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512 * 2**20), ("2G", 2**31), ("1gb", 2**30), ("1048576", 2**20)]
)
def test_sizes_as_docker_writes_them(text: str, size: int) -> None:
    assert settings({"ASSAY_RUN_MEMORY": text}).run_memory_bytes() == size


@pytest.mark.parametrize("text", ["lots", "0", "-1g", "2 gigabytes"])
def test_a_size_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="ASSAY_RUN_MEMORY"):
        settings({"ASSAY_RUN_MEMORY": text}).run_memory_bytes()


@pytest.mark.parametrize("name", ["ASSAY_PG_PORT", "ASSAY_RUN_CPUS"])
@pytest.mark.parametrize("text", ["none", "0", "-2"])
def test_a_number_that_is_none_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings({name: text})


def test_a_run_is_told_what_it_needs_and_no_other_secret() -> None:
    told = settings(
        {
            "ASSAY_DAGSTER_PASSWORD": "a",
            "ASSAY_USER_CODE_PASSWORD": "b",
            "ASSAY_MIGRATOR_PASSWORD": "c",
            "ASSAY_ALERTER_PASSWORD": "d",
            "ASSAY_POSTGRES_PASSWORD": "e",
            "ASSAY_ALERT_URLS": "json://secret@host",
            "PATH": "/bin",
        }
    ).run_environment()
    assert told == {"ASSAY_DAGSTER_PASSWORD": "a", "ASSAY_USER_CODE_PASSWORD": "b"}


def test_no_secret_shows_where_settings_are_printed() -> None:
    here = settings({"ASSAY_ALERTER_PASSWORD": "geheim1", "ASSAY_ALERT_URLS": "json://geheim2"})
    assert "geheim" not in repr(here)
