"""`python -m benchmarks.genomics.long_form`: count and mean by variant, of a file for each sample.

The first idea's eager Polars, Polars as a stream, and Assay on the files as landed and on
quality_filtered_data, each in a process of its own, in turn; the cost of storing beside them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.genomics.peers import Cost, measure

EAGER, STREAM = "eager Polars (the first idea)", "Polars, streaming"
LANDED, STORED = "Assay, files as landed", "Assay, as stored"
NOT_STORED, STORING = "assay genomics qc", "assay genomics qc, storing"
_SEED = 20260131
_MIN_QUALITY = 30.0


def generate(folder: Path, n_samples: int, n_rows: int) -> Path:
    """A file for each sample with `n_rows` rows, four in five of the variants that there are."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(_SEED)
    n_variants = n_rows * 5 // 4
    positions = np.sort(rng.choice(200_000_000, n_variants, replace=False)) + 1
    ref = rng.integers(0, 4, n_variants)
    alt = (ref + rng.integers(1, 4, n_variants)) % 4
    chromosomes = 1 + np.arange(n_variants) * 22 // n_variants
    sites = zip(chromosomes, positions, ref, alt, strict=True)
    names = np.array([f"{chrom}:{pos}:{'ACGT'[r]}:{'ACGT'[a]}" for chrom, pos, r, a in sites])
    folder.mkdir()
    for number in range(n_samples):
        chosen = np.sort(rng.choice(n_variants, n_rows, replace=False))
        pl.DataFrame(
            {
                "sample_id": np.full(n_rows, f"S{number:05d}"),
                "variant_id": names[chosen],
                "quality_score": rng.gamma(4, 15, n_rows).round(1),
            }
        ).write_parquet(folder / f"S{number:05d}.parquet")
    return folder


def answer(way: str, source: Path) -> tuple[int, int, float]:
    """Variants, sum of their counts, and sum of their means, rounded: all ways agree on them."""
    import polars as pl

    asked = [pl.len().alias("n_good"), pl.col("quality_score").mean().alias("mean_good")]
    good = pl.col("quality_score") >= _MIN_QUALITY
    if way == EAGER:
        rows = pl.read_parquet(source / "*.parquet").filter(good).group_by("variant_id").agg(asked)
    elif way == STREAM:
        lazy = pl.scan_parquet(source / "*.parquet").filter(good).group_by("variant_id").agg(asked)
        rows = lazy.collect(engine="streaming")
    else:
        from user_code.genomics.domain.observation_counts import count_observations

        files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
        rows = count_observations(files, "variant_id", _MIN_QUALITY).filter(pl.col("n_good") > 0)
    return rows.height, rows["n_good"].sum(), round(rows["mean_good"].sum(), 3)


def answer_timed(way: str, source: Path, told: Path) -> None:
    """Write the wall and CPU seconds of the query to `told`; imports are none of it."""
    for each in ("duckdb", "polars", "pyarrow", "user_code.genomics.domain.observation_counts"):
        import_module(each)
    began, used = time.perf_counter(), time.process_time()
    print(*answer(way, source))
    told.write_text(f"{time.perf_counter() - began} {time.process_time() - used}")


def ask(way: str, source: Path, told: Path) -> Cost:
    """The query in a process of its own: its time, and the whole process's peak."""
    peak = measure([*_THIS, "answer", way, str(source), str(told)]).peak_mb
    wall, cpu = map(float, told.read_text().split())
    return Cost(wall, cpu, peak)


def main() -> int:
    """Make up the files, measure all in turn, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.genomics.long_form")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--rows", type=int, default=100_000, help="of each sample")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = "2"
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        landed, out = folder / "landed", folder / "out"
        measure([*_THIS, "generate", str(landed), str(given.samples), str(given.rows)])
        stored = out / "quality_filtered_data.parquet"
        costs: dict[str, list[Cost]] = {}
        for number in range(given.rounds):
            costs.setdefault(NOT_STORED, []).append(measure(_qc(landed, folder / "tables")))
            costs.setdefault(STORING, []).append(measure([*_qc(landed, out), "--genotypes"]))
            for way in (EAGER, STREAM, LANDED, STORED):
                source = stored if way == STORED else landed
                costs.setdefault(way, []).append(ask(way, source, folder / "told"))
            print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}")
            for way, each in costs.items():
                print(f"  {way}: {each[-1]}", flush=True)
        size = sum(path.stat().st_size for path in landed.iterdir()) / 1e6
        print(
            f"\n{given.samples} files, {given.samples * given.rows:,} rows, {size:.0f} MB landed; "
            f"{stored.stat().st_size / 1e6:.0f} MB stored; medians of {given.rounds}\n"
        )
        print(table(costs))
    return 0


def _qc(landed: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "user_code.cli", "genomics", "qc", str(landed), "--out", str(out)]


def table(costs: dict[str, list[Cost]]) -> str:
    """Markdown: medians, and how many times the first idea takes of each."""
    middle = {
        way: Cost(*(median(getattr(cost, key) for cost in each) for key in vars(each[0])))
        for way, each in costs.items()
    }
    eager = middle[EAGER]
    lines = [
        "| | wall | CPU | peak | faster than eager | less memory |",
        "|---|---|---|---|---|---|",
    ]
    for way, cost in middle.items():
        compared = (
            "| | |"
            if way in (NOT_STORED, STORING)
            else f"| {eager.wall / cost.wall:.1f} × | {eager.peak_mb / cost.peak_mb:.1f} × |"
        )
        lines.append(
            f"| {way} | {cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.peak_mb:,.0f} MB {compared}"
        )
    return "\n".join(lines)


_THIS = [sys.executable, "-m", "benchmarks.genomics.long_form"]

if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        generate(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["answer"]:
        answer_timed(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
