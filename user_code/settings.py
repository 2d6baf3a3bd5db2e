"""What user code takes from the environment: the one place that reads it.

Nothing is read at import: definitions load without a secret, and `assay` runs without any variable.
Passwords are in no variable: libpq reads them from the password file in the folder of secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """A variable of the environment is missing or makes no sense; the message says which."""


@dataclass(frozen=True)
class Settings:
    """User code's view of `.env`. Take one from `settings()`."""

    root: Path
    landing: Path
    contracts: Path
    settle_seconds: float
    ui_url: str
    # Where a browser finds what is below `<root>/reports`; empty: nobody serves it.
    reports_url: str
    count_floor: int
    run_minutes: float
    quarantine_rate: float
    # How long new input may wait for what is computed of it.
    behind_minutes: float
    base_currency: str
    # Where exchange rates are fetched from; empty: nowhere, and nothing asks for them.
    rates_url: str
    pg_host: str
    pg_port: int
    secrets: Path

    def warehouse_dsn(self, role: str = "user_code") -> str:
        """libpq string for the database `warehouse` as `role`; it names where the password is.

        Raises SettingsError if there are no secrets here.
        """
        passfile = self.secrets / "pgpass"
        if not passfile.is_file():
            raise SettingsError(f"{passfile} is not there: `make up` makes the secrets")
        words = {
            "host": self.pg_host,
            "port": str(self.pg_port),
            "dbname": "warehouse",
            "user": role,
            "passfile": str(passfile),
            "connect_timeout": "5",
            "application_name": "assay",
        }
        return " ".join(f"{word}={_quoted(value)}" for word, value in words.items())


def are_definitions_validated(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this is `dagster definitions validate`, which only looks whether they load."""
    env = os.environ if environment is None else environment
    return env.get("DAGSTER_IS_DEFS_VALIDATION_CLI") == "1"


def settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: this process's). SettingsError on nonsense."""
    env = dict(os.environ if environment is None else environment)
    root = Path(env.get("ASSAY_ROOT") or "/assay")
    return Settings(
        root=root,
        landing=Path(env.get("ASSAY_LANDING") or root / "landing"),
        contracts=Path(env.get("ASSAY_CONTRACTS") or root / "contracts"),
        settle_seconds=_number(env, "ASSAY_SETTLE_SECONDS", 10),
        ui_url=(env.get("ASSAY_UI_URL") or "").rstrip("/"),
        reports_url=(env.get("ASSAY_REPORTS_URL") or "").rstrip("/"),
        count_floor=int(_number(env, "ASSAY_COUNT_FLOOR", 1000)),
        run_minutes=_number(env, "ASSAY_RUN_MINUTES", 360),
        quarantine_rate=_number(env, "ASSAY_QUARANTINE_RATE", 0.05),
        behind_minutes=_number(env, "ASSAY_BEHIND_MINUTES", 60),
        base_currency=_currency(env, "ASSAY_BASE_CURRENCY", "EUR"),
        rates_url=env.get("ASSAY_RATES_URL") or "",
        pg_host=env.get("ASSAY_PG_HOST") or "postgres",
        pg_port=int(_number(env, "ASSAY_PG_PORT", 5432)),
        secrets=Path(env.get("ASSAY_SECRETS") or "/run/assay-secrets"),
    )


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 1e9:
        raise SettingsError(f"{name}={text!r} is not a number of 0 or more: correct it in .env")
    return value


def _currency(env: Mapping[str, str], name: str, default: str) -> str:
    code = env.get(name) or default
    if not re.fullmatch("[A-Z]{3}", code):
        raise SettingsError(f"{name}={code!r} is no code such as EUR: correct it in .env")
    return code


def _quoted(value: str) -> str:
    """A value of a libpq connection string; psycopg2 isn't needed to write one."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
