"""Findings → alerts: each is told once, and its alert is closed when a correction removes it."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from user_code.finance.domain.contracts import ANOMALY_DETECTION
from user_code.finance.landed_days import DOMAIN
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import Warehouse

_KEY = ("source", "currency", "date", "kind")


def earlier_findings(store: ParquetStore) -> pl.DataFrame:
    """What the last run found; nothing if there was none."""
    if not store.exists(DOMAIN, "anomaly_detection", "all"):
        return ANOMALY_DETECTION.empty()
    found = store.scan(DOMAIN, "anomaly_detection", ["all"]).collect()
    # A file from before days could be marked.
    return (
        found if "marked" in found.columns else found.with_columns(marked=pl.lit(None, pl.String))
    )


def tell_anomalies(
    warehouse: Warehouse,
    findings: pl.DataFrame,
    earlier: pl.DataFrame,
    *,
    newest: Any,
    days: int,
    link: str,
) -> int:
    """Raises an alert for each finding that `earlier` lacks, closes those of gone ones.

    A finding that a person has marked is told to nobody.

    Findings more than `days` before `newest` are kept in the table only: loading ten years of
    history disturbs nobody about its first. Returns how many were raised.
    """
    recent = pl.lit(True)
    if isinstance(newest, date):
        recent = pl.col("date") >= newest - timedelta(days=days)
    findings, earlier = (each.filter(pl.col("marked").is_null()) for each in (findings, earlier))
    new = findings.join(earlier, on=_KEY, how="anti").filter(recent)
    gone = earlier.join(findings, on=_KEY, how="anti")
    with warehouse.transaction() as cursor:
        for row in gone.iter_rows(named=True):
            close_alert(cursor, _alert_key(row))
        for row in new.iter_rows(named=True):
            raise_alert(
                cursor,
                key=_alert_key(row),
                kind="finance.anomaly",
                severity="warning" if row["kind"] in ("unusual", "line") else "error",
                domain=DOMAIN,
                subject=f"{row['source']}, {row['currency']}, {row['date']}: {row['kind']}",
                facts={
                    **{name: str(row[name]) for name in _KEY},
                    "reason": row["reason"],
                    "score": row["score"],
                    "lines": row["lines"],
                },
                link=link,
            )
    return new.height


def _alert_key(row: dict[str, Any]) -> str:
    return "finance.anomaly:" + ":".join(str(row[name]) for name in _KEY)
