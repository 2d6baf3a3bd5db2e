"""`python -m benchmarks.finance [--rows N]`: large feeds read by us and by peers, one process each.

pandas is no dependency of ours: name a Python that has it with --pandas-python.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.finance.generate import generate
from benchmarks.finance.ways import WAYS


def measure(way: str, python: str, landing: Path) -> tuple[float, float, float, str]:
    """Wall seconds, CPU seconds, peak MB, and what was printed."""
    with tempfile.TemporaryDirectory(dir=landing.parent) as out:
        command = [python, "-m", "benchmarks.finance.ways", way, str(landing), out]
        begin = time.monotonic()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "POLARS_MAX_THREADS": "2"},
        )
        assert process.stdout is not None
        printed = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{way}: exit code {process.returncode}")
    seconds = time.monotonic() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, printed


def main() -> None:
    """Generate, measure each way in turn, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finance", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many counts")
    parser.add_argument("--pandas-python", help="a Python with pandas; else pandas is left out")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        landing = Path(folder) / "finance"
        rows = generate(landing, given.rows)
        size = sum(path.stat().st_size for path in landing.glob("*/*"))
        print(f"{rows:,} rows, {size / 1e6:,.0f} MB\n")
        found = {}
        for way in given.ways:
            python = given.pandas_python if way == "pandas-chunks" else sys.executable
            if python:
                found[way] = min(measure(way, python, landing) for _ in range(given.rounds))
                print(way, *found[way], file=sys.stderr, flush=True)
    base = found.get("duckdb", next(iter(found.values())))
    print("| way | wall | CPU | of DuckDB's wall | of its CPU | peak memory | sum, rows |")
    print("|---|---|---|---|---|---|---|")
    for way, (wall, cpu, peak, printed) in found.items():
        print(
            f"| {way} | {wall:.1f} s | {cpu:.1f} s | {wall / base[0]:.2f} × "
            f"| {cpu / base[1]:.2f} × | {peak:,.0f} MB | {printed} |"
        )


if __name__ == "__main__":
    main()
