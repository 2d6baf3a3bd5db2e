"""What people write with other libraries: `python peer_loops.py NAME FILE`, in any environment.

Counts by variant and by sample and means of DP and GQ: a part of what a pass computes.
"""

from __future__ import annotations

import sys


def cyvcf2(path: str) -> object:
    """A loop by variant."""
    import cyvcf2
    import numpy as np

    reader = cyvcf2.VCF(path, gts012=True)
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


def scikit_allel(path: str) -> object:
    """All of it in memory, then arrays."""
    import allel
    import numpy as np

    fields = ["calldata/GT", "calldata/DP", "calldata/GQ"]
    read = allel.read_vcf(path, fields=fields, types={"calldata/DP": "i2", "calldata/GQ": "i2"})
    genotypes = allel.GenotypeArray(read["calldata/GT"])
    counts = genotypes.count_alleles()
    hets = genotypes.count_het(axis=0), genotypes.count_het(axis=1)
    means = [np.mean(read[name], axis=1).sum() for name in fields[1:]]
    return counts.sum(), hets[0].sum(), hets[1].sum(), means


def polars_bio(path: str) -> object:
    """Lists by variant, streamed."""
    import polars as pl
    import polars_bio as pb

    rows = pb.scan_vcf(path, format_fields=["GT", "DP", "GQ"])
    nested = rows.select("chrom", "start", "genotypes")
    cell = pl.col("genotypes").struct
    found = nested.select(
        het=cell.field("GT").list.eval(pl.element().is_in(["0/1", "1/0"])).list.sum(),
        dp=cell.field("DP").list.mean(),
        gq=cell.field("GQ").list.mean(),
    )
    return found.sum().collect(engine="streaming")


if __name__ == "__main__":
    print({"cyvcf2": cyvcf2, "scikit-allel": scikit_allel, "polars-bio": polars_bio}[sys.argv[1]](
        sys.argv[2]))  # fmt: skip
