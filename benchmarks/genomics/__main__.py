"""`python -m benchmarks.genomics`: one pass over a made-up cohort against bcftools and cyvcf2."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.genomics.generate import generate
from benchmarks.genomics.peers import Cost, commands, measure

ASSAY, FLOOR = "assay genomics qc", "decompression alone"


def main() -> int:
    """Generate two files, one of them half as long, measure in turn, print two tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.genomics", description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--variants", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        print(f"load before the start {os.getloadavg()[0]:.1f}", flush=True)
        path = generate(Path(folder) / "whole.vcf.gz", given.samples, given.variants)
        half = generate(Path(folder) / "half.vcf.gz", given.samples, given.variants // 2)
        out = Path(folder) / "out"
        out.mkdir()
        costs: dict[str, list[Cost]] = {}
        for number in range(given.rounds):
            for name, command in commands(path, out).items():
                costs.setdefault(name, []).append(measure(command))
                print(f"round {number + 1}: {name}: {costs[name][-1]}", flush=True)
        shorter = measure(commands(half, out)[ASSAY])
        print(
            f"\n{given.samples:,} samples × {given.variants:,} variants, "
            f"{path.stat().st_size / 1e6:.0f} MB, medians of {given.rounds}\n"
        )
        print(table(costs))
        longer = median(cost.peak_mb for cost in costs[ASSAY])
        print(
            f"\nPeak memory of Assay: {longer:.0f} MB; "
            f"on half the variants {shorter.peak_mb:.0f} MB"
        )
    return 0


def table(costs: dict[str, list[Cost]]) -> str:
    """Markdown: medians, and CPU seconds as ratios to Assay's and to the floor's."""
    middle = {
        name: Cost(*(median(getattr(cost, key) for cost in each) for key in vars(each[0])))
        for name, each in costs.items()
    }
    lines = [
        "| | CPU | wall | peak | CPU of Assay's | of the floor |",
        "|---|---|---|---|---|---|",
    ]
    for name, cost in middle.items():
        lines.append(
            f"| {name} | {cost.cpu:.1f} s | {cost.wall:.1f} s | {cost.peak_mb:.0f} MB "
            f"| {cost.cpu / middle[ASSAY].cpu:.2f} × | {cost.cpu / middle[FLOOR].cpu:.1f} × |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
