"""`python -m user_code.finance.domain.quarantine_counts [FOLDER]`: the quarantine, in counts.

Never a raw line: those stay in the files, which their owner alone may read.
"""

import sys
from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import QUARANTINE


def count_quarantine(folder: Path) -> pl.DataFrame:
    """The quarantine's files, `folder`/<source>/<day>.parquet → source, file_date, reason, records.

    A record of two reasons counts for both. Sorted; no rows if the folder is empty or missing.
    """
    return (
        _scan(folder)
        .select("source", "file_date", "reasons")
        .explode("reasons")
        .rename({"reasons": "reason"})
        .group_by("source", "file_date", "reason")
        .agg(pl.len().cast(pl.Int64).alias("records"))
        .sort("source", "file_date", "reason")
        .collect()
    )


def count_quarantined(folder: Path) -> dict[str, int]:
    """The same files → records by source, each counted once."""
    return dict(_scan(folder).group_by("source").len().collect().iter_rows())


def _scan(folder: Path) -> pl.LazyFrame:
    files = sorted(folder.glob("*/*.parquet"))
    return pl.scan_parquet(files) if files else QUARANTINE.empty().lazy()


def main(arguments: list[str]) -> int:
    """Prints a line per source, day and reason; exit code 0."""
    folder = Path(arguments[0] if arguments else "/assay/quarantine/finance")
    counts = count_quarantine(folder)
    if counts.is_empty():
        print("nothing is in quarantine")
        return 0
    wide = max(len(source) for source in [*counts["source"], "source"])
    print(f"{'source':<{wide}}  day         records  reason")
    for source, day, reason, records in counts.iter_rows():
        print(f"{source:<{wide}}  {day}  {records:>7}  {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
