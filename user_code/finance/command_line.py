"""`assay finance …`: the domain from the command line, without Dagster, Postgres or Docker."""

import argparse
import os
import re
import sys
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl

from user_code.finance.command_line_export import add_export
from user_code.finance.domain.anomalies import DetectorSettings, flag_unusual_days
from user_code.finance.domain.batch import load_folder
from user_code.finance.domain.lines_table import as_lines, as_marked_days, has_lines
from user_code.finance.domain.month_to_date import as_control_totals, find_differences
from user_code.finance.domain.totals_table import as_totals, read_table


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `load`, `detect`, `reconcile` and `export`."""
    load = subparsers.add_parser(
        "load", help="daily feeds → transactions, duplicates, quarantine and summaries"
    )
    load.add_argument("folder", type=Path, metavar="FOLDER", help="laid out as landing/finance")
    load.add_argument("--out", type=Path, required=True, metavar="DIR")
    load.add_argument(
        "--contracts", type=Path, metavar="DIR", help="<source>.yaml for feeds of another form"
    )
    load.set_defaults(func=run_load)
    detect = subparsers.add_parser(
        "detect", help="daily line items or totals → unusual days, with the reason"
    )
    detect.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet: date, source, line, amount (a row per line and day); or date, "
        "total_amount, transaction_count, and source, currency if many",
    )
    detect.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv or .parquet")
    detect.add_argument("--from", dest="begin", metavar="DATE", help="findings from this day on")
    detect.add_argument(
        "--incidents",
        type=Path,
        metavar="FILE",
        help="line items only: date, source of known incidents (mark, if any, is incident); they "
        "are judged, but later days don't learn from them",
    )
    detect.add_argument(
        "--threshold",
        type=float,
        help=f"totals only: robust standard deviations (default {DetectorSettings.threshold:g})",
    )
    detect.set_defaults(func=run_detect)
    reconcile = subparsers.add_parser(
        "reconcile", help="amounts and month-to-date totals → what doesn't add up"
    )
    reconcile.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet: date, source, line, amount, month_to_date",
    )
    reconcile.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=".csv or .parquet"
    )
    reconcile.add_argument(
        "--tolerance",
        default="0",
        metavar="AMOUNT",
        help="differences up to this are none, for feeds in rounded units (default 0)",
    )
    reconcile.set_defaults(func=run_reconcile)
    add_export(subparsers)


def run_load(options: argparse.Namespace) -> int:
    """Prints what became of the records; raises ValueError where nothing could be read."""
    bar = partial(_bar, what="files") if sys.stderr.isatty() else None
    result = load_folder(options.folder, options.out, options.contracts, bar)
    for name in result.strange:
        print(f"not read, not <source>/<name>-YYYY-MM-DD[.vN].csv[.gz]: {name}", file=sys.stderr)
    for name, reason in result.refused.items():
        print(f"refused: {name}: {reason}", file=sys.stderr)
    print(
        f"{result.records} records of {result.files} files: {result.accepted} accepted, "
        f"{result.duplicates} duplicates, {result.quarantined} in quarantine; "
        f"tables in {options.out}"
    )
    if len(result.refused) == result.files:
        raise ValueError(f"{options.folder}: no file could be read, see above")
    return 0


def run_detect(options: argparse.Namespace) -> int:
    """Writes findings, also if there are none; raises ValueError on a table of another form."""
    _check_suffix(options.out)
    begin = _first_day(options.begin)
    table = read_table(options.table)
    if has_lines(table):
        findings, judged = _detect_lines(table, begin, options)
    else:
        findings, judged = _detect_totals(table, begin, options)
    _write(findings.with_columns(pl.col("score").round(2)), options.out)
    print(f"{findings.height} unusual days among {judged}: {options.out}")
    return 0


def run_reconcile(options: argparse.Namespace) -> int:
    """Writes the differences, also if there are none; ValueError on a table of another form."""
    _check_suffix(options.out)
    totals = as_control_totals(read_table(options.table), options.table)
    differences = find_differences(totals, _tolerance(options.tolerance))
    _write(differences, options.out)
    print(f"{differences.height} of {totals.height} line-days don't add up: {options.out}")
    return 0


def _tolerance(text: str) -> Decimal:
    # At most 12 digits before the point and 4 after it, which fits in MONEY.
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", text):
        raise ValueError(f"--tolerance: {text!r} should be a plain number of 0 or more")
    return Decimal(text)


def _check_suffix(out: Path) -> None:
    if out.suffix not in (".csv", ".parquet"):
        raise ValueError(f"{out}: name it .csv or .parquet")


def _write(frame: pl.DataFrame, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".csv":
        frame.write_csv(out)
    else:
        frame.write_parquet(out)


def _first_day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--from: {text!r} is no date, write YYYY-MM-DD") from None


def _detect_lines(
    table: pl.DataFrame, begin: date | None, options: argparse.Namespace
) -> tuple[pl.DataFrame, int]:
    if options.threshold is not None:
        raise ValueError("--threshold: line items learn their limits from the past, leave it out")
    items = as_lines(table, options.table)
    marked = None
    if options.incidents is not None:
        marked = as_marked_days(read_table(options.incidents), options.incidents)
        marked = marked.filter(pl.col("mark") == "incident")
    # Thousands of small equations: threads that wait for each other cost more than they bring.
    # To be set before NumPy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from user_code.finance.domain.line_findings import find_unusual_lines

    findings = find_unusual_lines(
        items, begin, marked, progress=_bar if sys.stderr.isatty() else None
    )
    return findings, items.select("date", "source").unique().height


def _bar(done: int, of: int, what: str = "sources") -> None:
    filled = "#" * (30 * done // of)
    print(
        f"\r[{filled:<30}] {done} of {of} {what}", end="\n" if done == of else "", file=sys.stderr
    )


def _detect_totals(
    table: pl.DataFrame, begin: date | None, options: argparse.Namespace
) -> tuple[pl.DataFrame, int]:
    if options.incidents is not None:
        raise ValueError("--incidents: only for tables with the columns date, source, line, amount")
    threshold = DetectorSettings.threshold if options.threshold is None else options.threshold
    if not threshold > 0:
        raise ValueError("--threshold should be above 0")
    totals = as_totals(table, options.table)
    findings = flag_unusual_days(totals, DetectorSettings(threshold=threshold))
    if begin is not None:
        findings = findings.filter(pl.col("date") >= begin)
    return findings, totals.height
