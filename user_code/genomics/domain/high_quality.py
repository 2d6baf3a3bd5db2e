"""Which genotypes are of high quality: gnomAD's rule, there called adj.

A genotype counts if its quality (GQ) and depth (DP) reach their limits and, where it is
heterozygous, the alternate allele has its share of the reads (AD[alt] / DP).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from user_code.genomics.domain.allele_counts import HET, HOM_ALT, AlleleCounts
from user_code.genomics.domain.genotype_blocks import GenotypeBlock


@dataclass(frozen=True)
class AdjRule:
    """Lowest GQ (Phred), DP (reads; of haploid genotypes), share of alt reads in heterozygotes."""

    min_gq: float = 20
    min_dp: float = 10
    min_dp_haploid: float = 5
    min_allele_balance: float = 0.2


def adj_statistics(
    block: GenotypeBlock, counts: AlleleCounts, variant: NDArray[np.int64], rule: AdjRule
) -> dict[str, pl.Expr | pl.Series]:
    """The columns ac_adj … adj_fields of variant_analysis, one value for each row of `counts`.

    A field that the header doesn't declare isn't asked for (the share of reads needs AD and DP);
    a genotype that lacks a declared one fails.
    """
    good = _good(block, counts, variant, rule)
    ac, an = (
        np.where(good, cells, np.int8(0)).sum(axis=1, dtype=np.int32)
        for cells in (counts.found, counts.called)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        af = pl.Series(ac / an).fill_nan(None)
    return {
        "ac_adj": pl.Series(ac),
        "an_adj": pl.Series(an),
        "af_adj": af,
        "n_het_adj": pl.Series((good & (counts.classes == HET)).sum(axis=1, dtype=np.int32)),
        "n_hom_alt_adj": pl.Series(
            (good & (counts.classes == HOM_ALT)).sum(axis=1, dtype=np.int32)
        ),
        "adj_fields": pl.lit(",".join(asked_fields(block.declared)) or "none"),
    }


def asked_fields(declared: frozenset[str]) -> list[str]:
    """Which of GQ, DP, AD decide, of the FORMAT fields that a header declares."""
    asked: list[str] = [name for name in ("GQ", "DP") if name in declared]
    return [*asked, "AD"] if {"AD", "DP"} <= declared else asked


def _good(
    block: GenotypeBlock, counts: AlleleCounts, variant: NDArray[np.int64], rule: AdjRule
) -> NDArray[np.bool_]:
    """By row and sample. A missing number is not a number, and reaches no limit."""
    asked = asked_fields(block.declared)
    enough = np.ones(block.depth.shape, np.bool_)
    if "GQ" in asked:
        enough &= block.genotype_quality >= rule.min_gq
    if "DP" in asked:
        haploid = (block.alleles[:, :, 1:] == -2).all(axis=2)
        enough &= block.depth >= np.where(haploid, rule.min_dp_haploid, rule.min_dp)
    good: NDArray[np.bool_] = enough[variant]
    if "AD" in asked:
        row, sample = np.nonzero(good & (counts.classes == HET))
        alt_reads = block.alt_depth[row, sample].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = alt_reads / block.depth[variant[row], sample]
        good[row, sample] = share >= rule.min_allele_balance
    return good
