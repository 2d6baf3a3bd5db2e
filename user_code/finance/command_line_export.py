"""`assay finance export`: a table that `assay finance load` left, as CSV for a spreadsheet."""

import argparse
from pathlib import Path

from user_code.finance.domain.csv_export import export_csv


def add_export(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `export`."""
    export = subparsers.add_parser(
        "export", help="a Parquet table → CSV that no spreadsheet takes for formulas"
    )
    export.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="a Parquet file, or a folder of them, as `assay finance load` leaves",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv")
    export.set_defaults(func=run_export)


def run_export(options: argparse.Namespace) -> int:
    """Writes the file; raises ValueError on a table that is none."""
    if options.out.suffix != ".csv":
        raise ValueError(f"{options.out}: name it .csv")
    rows = export_csv(options.table, options.out)
    print(f"{rows} rows: {options.out}")
    return 0
