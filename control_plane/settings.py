"""What the control plane takes from the environment: the one place that reads it.

Nothing is read at import. `settings()` reads when it is called, and what lacks is named only by the
code that needs it, so that a tool that needs no password runs without one.

Passwords are in no variable: libpq reads them from the password file in the folder of secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from psycopg2.extensions import make_dsn

# What a run container is told, if it is set here. Nothing else of the control plane's environment
# reaches user code; its passwords come as a file, in a volume of its own.
RUN_ENVIRONMENT = (
    "ASSAY_PROJECT",
    "ASSAY_PG_HOST",
    "ASSAY_PG_PORT",
    "ASSAY_ROOT",
    "ASSAY_LANDING",
    "ASSAY_CONTRACTS",
    "ASSAY_SETTLE_SECONDS",
    "ASSAY_UI_URL",
    "ASSAY_REPORTS_URL",
    "ASSAY_COUNT_FLOOR",
    "ASSAY_BEHIND_MINUTES",
    "ASSAY_BASE_CURRENCY",
    "ASSAY_RATES_URL",
)

# Where each container has its own secrets, and no other's.
SECRETS = "/run/assay-secrets"

N = TypeVar("N", int, float)

_MEMORY = re.compile(r"([0-9]{1,18})([kmg]?)b?", re.IGNORECASE)
_MEMORY_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_TIME = re.compile(r"([0-9]{1,9})([smhd])")
_TIME_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class SettingsError(ValueError):
    """A variable of the environment is missing or makes no sense; the message says which."""


@dataclass(frozen=True)
class Settings:
    """The control plane's view of `.env`. Take one from `settings()`."""

    project: str
    pg_host: str
    pg_port: int
    root: str
    user_code_image: str
    run_memory: str
    run_memory_most: str
    run_cpus: float
    run_cpus_most: float
    run_timeout_most: str
    outside_jobs: frozenset[str]
    docker_host: str
    history_days: float | None
    ui_url: str
    webserver_url: str
    alerts_folder: Path
    state_folder: Path
    landing: Path
    metrics_address: str
    secrets: Path
    # Both may hold secrets: no repr may show them.
    alert_urls: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    def dagster_dsn(self) -> str:
        """libpq string for the database `dagster`, as its owner."""
        return self._dsn("dagster", "dagster")

    def warehouse_dsn(self, role: str) -> str:
        """libpq string for the database `warehouse` as `role` (migrator, alerter, …)."""
        return self._dsn("warehouse", role)

    def run_environment(self) -> dict[str, str]:
        """Name → value of what a run container is told; names that are unset here are left out."""
        return {
            name: self.environment[name] for name in RUN_ENVIRONMENT if name in self.environment
        }

    def run_memory_bytes(self) -> int:
        """`ASSAY_RUN_MEMORY` in bytes. SettingsError if it is not like `2g` or `512m`."""
        return _size("ASSAY_RUN_MEMORY", self.run_memory)

    def most_run_memory_bytes(self) -> int:
        """The most that a run's tag may ask for, in bytes; never less than a run without a tag."""
        return max(self.run_memory_bytes(), _size("ASSAY_RUN_MEMORY_MOST", self.run_memory_most))

    def most_run_seconds(self) -> int:
        """`ASSAY_RUN_TIMEOUT_MOST` in seconds. SettingsError if it is not like `90m` or `24h`."""
        seconds = seconds_in(self.run_timeout_most)
        if seconds is None:
            raise SettingsError(
                f"ASSAY_RUN_TIMEOUT_MOST={self.run_timeout_most!r} is no time: write e.g. 90m or "
                "24h in .env"
            )
        return seconds

    def _dsn(self, database: str, role: str) -> str:
        passfile = self.secrets / "pgpass"
        if not passfile.is_file():
            raise SettingsError(f"{passfile} is not there: `make up` makes the secrets")
        return make_dsn(
            host=self.pg_host,
            port=self.pg_port,
            dbname=database,
            user=role,
            passfile=str(passfile),
            connect_timeout=5,
            application_name="assay",
        )


def settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: this process's). SettingsError on nonsense."""
    env = dict(os.environ if environment is None else environment)
    secrets = Path(env.get("ASSAY_SECRETS") or SECRETS)
    return Settings(
        project=env.get("ASSAY_PROJECT") or "assay",
        pg_host=env.get("ASSAY_PG_HOST") or "postgres",
        pg_port=_number(env, "ASSAY_PG_PORT", 5432, int),
        root=env.get("ASSAY_ROOT") or "/assay",
        user_code_image=env.get("ASSAY_USER_CODE_IMAGE", ""),
        run_memory=env.get("ASSAY_RUN_MEMORY") or "2g",
        run_memory_most=env.get("ASSAY_RUN_MEMORY_MOST") or env.get("ASSAY_RUN_MEMORY") or "2g",
        run_cpus=(run_cpus := _number(env, "ASSAY_RUN_CPUS", 2.0, float)),
        run_cpus_most=max(run_cpus, _number(env, "ASSAY_RUN_CPUS_MOST", run_cpus, float)),
        run_timeout_most=env.get("ASSAY_RUN_TIMEOUT_MOST") or "72h",
        history_days=(
            _number(env, "ASSAY_HISTORY_DAYS", 1.0, float)
            if env.get("ASSAY_HISTORY_DAYS")
            else None
        ),
        docker_host=env.get("DOCKER_HOST", ""),
        outside_jobs=frozenset(env.get("ASSAY_OUTSIDE_JOBS", "").split()),
        alert_urls=_alert_urls(secrets, env.get("ASSAY_ALERT_URLS", "")),
        webserver_url=(env.get("ASSAY_WEBSERVER_URL") or "http://webserver:3000").rstrip("/"),
        alerts_folder=Path(env.get("ASSAY_ALERTS_FOLDER") or "/assay/alerts"),
        state_folder=Path(env.get("ASSAY_ROOT") or "/assay") / "alerter",
        landing=Path(env.get("ASSAY_LANDING") or "/assay/landing"),
        metrics_address=env.get("ASSAY_METRICS_ADDRESS") or "0.0.0.0:9464",
        ui_url=(env.get("ASSAY_UI_URL") or "").rstrip("/"),
        secrets=secrets,
        environment=env,
    )


def bytes_in(text: str) -> int | None:
    """The bytes that `512m` or `2g` mean; None if `text` is not a size above 0."""
    match = _MEMORY.fullmatch(text.strip())
    return int(match[1]) * _MEMORY_UNITS[match[2].lower()] or None if match else None


def seconds_in(text: str) -> int | None:
    """The seconds that `90s`, `30m`, `2h` or `1d` mean; None if `text` is not a time above 0."""
    match = _TIME.fullmatch(text.strip())
    return int(match[1]) * _TIME_UNITS[match[2]] or None if match else None


def _size(name: str, text: str) -> int:
    size = bytes_in(text)
    if size is None:
        raise SettingsError(f"{name}={text!r} is not a size: write e.g. 512m or 2g in .env")
    return size


def _alert_urls(secrets: Path, told: str) -> tuple[str, ...]:
    """Those of the secret file, then those of the variable, which is seen by `docker inspect`."""
    file = secrets / "alert_urls"
    return (*(file.read_text(encoding="utf-8") if file.is_file() else "").split(), *told.split())


def _number(env: Mapping[str, str], name: str, default: N, kind: Callable[[str], N]) -> N:
    text = env.get(name) or str(default)
    try:
        value = kind(text)
    except ValueError:
        value = kind("0")
    if not value > 0:
        raise SettingsError(f"{name}={text!r} is not a number above 0: correct it in .env")
    return value
