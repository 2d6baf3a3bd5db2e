"""What is measured, each in a process of its own: `conversions.py assay|pandas SOURCE TARGET`."""

import sys
from pathlib import Path


def assay(source: Path, target: Path) -> int:
    """The code of the job csv_to_parquet; returns the rows written."""
    from user_code.shared.csv_conversion import convert_csv

    return convert_csv(source, target, {}, lambda line: print(line, file=sys.stderr)).rows_written


def pandas(source: Path, target: Path) -> int:
    """What people write: read all, drop rows with any null, reset the index, write."""
    import pandas as pd

    frame = pd.read_csv(source).dropna().reset_index(drop=True)
    frame.to_parquet(target)
    return len(frame)


if __name__ == "__main__":
    convert = {"assay": assay, "pandas": pandas}[sys.argv[1]]
    print(convert(Path(sys.argv[2]), Path(sys.argv[3])))
