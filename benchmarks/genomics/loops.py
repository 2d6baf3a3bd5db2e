"""The peers that are Python: `python -m benchmarks.genomics.loops NAME FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.genomics.generate import decompress_only


def cyvcf2_loop(path: Path) -> tuple[int, float]:
    """What people write: counts by variant and by sample, means of DP and GQ."""
    import cyvcf2

    reader = cyvcf2.VCF(str(path), gts012=True)
    n = len(reader.samples)
    by_sample = np.zeros((4, n), np.int64)
    rows = 0
    total = 0.0
    for record in reader:
        kinds = record.gt_types
        for kind in range(4):
            by_sample[kind] += kinds == kind
        called = n - record.num_unknown
        ac = record.num_het + 2 * record.num_hom_alt
        total += ac / (2 * called) if called else 0
        total += float(np.mean(record.format("DP"))) + float(np.mean(record.format("GQ")))
        rows += 1
    return rows, total


def main() -> int:
    name, path = sys.argv[1], Path(sys.argv[2])
    if name == "decompress":
        print(decompress_only(path))
    elif name == "stats":
        import pysam.bcftools

        print(len(pysam.bcftools.stats("-s", "-", str(path))))
    else:
        print(cyvcf2_loop(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
