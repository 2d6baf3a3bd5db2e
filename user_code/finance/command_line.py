"""`assay finance …`: the domain from the command line, without Dagster, Postgres or Docker."""

import argparse
import sys
from pathlib import Path

import polars as pl

from user_code.finance.domain.anomalies import DetectorSettings, flag_unusual_days
from user_code.finance.domain.batch import load_folder
from user_code.finance.domain.totals_table import read_totals


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `load` and `detect`."""
    load = subparsers.add_parser(
        "load", help="daily feeds → transactions, duplicates, quarantine and summaries"
    )
    load.add_argument("folder", type=Path, metavar="FOLDER", help="laid out as landing/finance")
    load.add_argument("--out", type=Path, required=True, metavar="DIR")
    load.add_argument(
        "--contracts", type=Path, metavar="DIR", help="<source>.yaml for feeds of another form"
    )
    load.set_defaults(func=run_load)
    detect = subparsers.add_parser("detect", help="daily totals → unusual days, with the reason")
    detect.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet: date, total_amount, transaction_count, and source, currency if many",
    )
    detect.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv or .parquet")
    detect.add_argument("--threshold", type=float, default=DetectorSettings.threshold)
    detect.set_defaults(func=run_detect)


def run_load(options: argparse.Namespace) -> int:
    """Prints what became of the records; raises ValueError where nothing could be read."""
    result = load_folder(options.folder, options.out, options.contracts)
    for name in result.strange:
        print(f"not read, the name is not <name>-YYYY-MM-DD[.vN].csv[.gz]: {name}", file=sys.stderr)
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
    if options.out.suffix not in (".csv", ".parquet"):
        raise ValueError(f"{options.out}: name it .csv or .parquet")
    if not options.threshold > 0:
        raise ValueError("--threshold should be above 0")
    totals = read_totals(options.table)
    findings = flag_unusual_days(totals, DetectorSettings(threshold=options.threshold))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.out.suffix == ".csv":
        findings.with_columns(pl.col("score").round(2)).write_csv(options.out)
    else:
        findings.write_parquet(options.out)
    print(f"{findings.height} unusual days among {totals.height}: {options.out}")
    return 0
