"""Makes up a CSV of the wanted size, converts it in turn, and prints seconds, memory and ratios."""

import argparse
import itertools
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.genomics.peers import Cost, measure

ROWS_A_BLOCK = 100_000


def write_csv(path: Path, megabytes: int) -> None:
    """Six columns of text, dates, whole numbers and amounts; one row in a hundred has a gap."""
    with path.open("w") as file:
        file.write("id,day,shop,category,quantity,amount\n")
        for block in itertools.count():
            if file.tell() > megabytes * 1e6:
                return
            lines = []
            for row in range(block * ROWS_A_BLOCK, (block + 1) * ROWS_A_BLOCK):
                shop = "" if row % 100 == 0 else f"shop-{row % 977:03}"
                day = f"2026-{row % 12 + 1:02}-{row % 28 + 1:02}"
                amount = f"{row % 100_000}.{row % 100:02}"
                lines.append(f"T{row:012},{day},{shop},category {row % 40},{row % 9},{amount}\n")
            file.write("".join(lines))


def main() -> None:
    """Run it all; exits with an error if the two don't keep the same number of rows."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.csv_to_parquet")
    options.add_argument("--megabytes", type=int, default=1300)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    costs: dict[str, list[Cost]] = {"assay": [], "pandas": []}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        source = Path(folder) / "rows.csv"
        write_csv(source, given.megabytes)
        for number in range(given.rounds):
            kept = set()
            for name, found in costs.items():
                target = Path(folder) / f"{name}.parquet"
                script = Path(__file__).with_name("conversions.py")
                found.append(measure([sys.executable, str(script), name, str(source), str(target)]))
                kept.add(_rows(target))
            if len(kept) != 1:
                sys.exit(f"the two differ in the rows that they keep: {sorted(kept)}")
            print(f"round {number + 1} of {given.rounds} done", file=sys.stderr)
    print(f"{given.megabytes} MB, {kept.pop():,} rows kept, medians of {given.rounds}\n")
    print("| | wall | CPU | peak memory |\n|---|---|---|---|")
    for name, found in costs.items():
        wall, cpu, peak = _medians(found)
        print(f"| {name} | {wall:.1f} s | {cpu:.1f} s | {peak:.0f} MB |")
    ours, theirs = _medians(costs["assay"]), _medians(costs["pandas"])
    ratios = (f"{mine / other:.2f} ×" for mine, other in zip(ours, theirs, strict=True))
    print(f"| assay of pandas | {' | '.join(ratios)} |")


def _medians(found: list[Cost]) -> tuple[float, float, float]:
    return (
        statistics.median(cost.wall for cost in found),
        statistics.median(cost.cpu for cost in found),
        statistics.median(cost.peak_mb for cost in found),
    )


def _rows(path: Path) -> int:
    import pyarrow.parquet

    return int(pyarrow.parquet.read_metadata(path).num_rows)


if __name__ == "__main__":
    main()
