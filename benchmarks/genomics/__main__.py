"""`python -m benchmarks.genomics`: one pass over a made-up cohort against bcftools and others."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.genomics.generate import generate, repeat, write_reference
from benchmarks.genomics.peers import (
    ASSAY,
    FILL_TAGS,
    FLOOR,
    STATS,
    Cost,
    assay,
    commands,
    find_bcftools,
    measure,
    version_of,
)

BOTH = "both, one after the other"


def main() -> int:
    """Make up the files, measure all in turn, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.genomics", description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--variants", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=10, help="length of the file for memory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        path = folder / "whole.vcf.gz"
        _apart(generate, path, given.samples, given.variants)
        reference = folder / "reference.fa"
        _apart(write_reference, path, reference)
        out = folder / "out"
        every = {
            **commands(path, out, folder),
            "assay, with quality_filtered_data": assay(path, out, "--genotypes"),
            "assay, left-aligned": assay(path, out, "--reference", str(reference)),
        }
        measure(every[ASSAY])  # compiles
        costs: dict[str, list[Cost]] = {}
        for number in range(given.rounds):
            for peer, command in every.items():
                print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}: {peer}: ", end="")
                costs.setdefault(peer, []).append(measure(command))
                print(costs[peer][-1], flush=True)
        print(
            f"\n{given.samples:,} samples × {given.variants:,} variants, "
            f"{path.stat().st_size / 1e6:.0f} MB, medians of {given.rounds}, "
            f"{version_of(bcftools) if (bcftools := find_bcftools()) else 'no bcftools'}\n"
        )
        print(table(costs))
        _apart(repeat, path, folder / "long.vcf.gz", given.times)
        longer = measure(assay(folder / "long.vcf.gz", out))
        print(
            f"\nPeak memory of Assay: {median(cost.peak_mb for cost in costs[ASSAY]):.0f} MB; "
            f"on {given.times} times the variants {longer.peak_mb:.0f} MB"
        )
    return 0


def _apart(function: Callable[..., Path], *arguments: Any) -> None:
    """Call it in a process of its own: a child's peak begins at the memory of who forked it."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__} failed")


def table(costs: dict[str, list[Cost]]) -> str:
    """Markdown: medians, wall and CPU as ratios to Assay's, CPU as a ratio to the floor's."""
    if FILL_TAGS in costs and STATS in costs:
        pairs = zip(costs[FILL_TAGS], costs[STATS], strict=True)
        both = [Cost(a.wall + b.wall, a.cpu + b.cpu, max(a.peak_mb, b.peak_mb)) for a, b in pairs]
        costs = {**costs, BOTH: both}
    middle = {
        name: Cost(*(median(getattr(cost, key) for cost in each) for key in vars(each[0])))
        for name, each in costs.items()
    }
    lines = [
        "| | wall | CPU | peak | wall of Assay's | CPU of Assay's | CPU of the floor |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, cost in middle.items():
        lines.append(
            f"| {name} | {cost.wall:.1f} s | {cost.cpu:.1f} s | {cost.peak_mb:.0f} MB "
            f"| {cost.wall / middle[ASSAY].wall:.2f} × | {cost.cpu / middle[ASSAY].cpu:.2f} × "
            f"| {cost.cpu / middle[FLOOR].cpu:.1f} × |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
