"""Counts alleles and genotypes by (split) variant, vectorised.

Definitions are those of `bcftools norm -m -any` followed by `+fill-tags`: splitting turns other
alternate alleles into reference ones; a half-missing genotype counts with its called allele, and
is hemizygous if that is the only one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int32]


@dataclass(frozen=True)
class AlleleCounts:
    """By split variant [r]; `copies`, `carries` by variant and sample [r, n]."""

    ac: Counts
    an: Counts
    n_called: Counts
    n_hom_ref: Counts
    n_het: Counts
    n_hom_alt: Counts
    n_hemi: Counts
    diploid: tuple[Counts, Counts, Counts]  # complete diploid hom-ref, het, hom-alt
    copies: NDArray[np.int8]  # of the alt allele; −1 where any allele is missing
    carries: NDArray[np.bool_]  # at least one called copy


def count_alleles(
    alleles: NDArray[np.int16], variant: NDArray[np.int64], alt: NDArray[np.int64]
) -> AlleleCounts:
    """Count allele `alt[r]` (1-based; 0 for a site without one) in `alleles[variant[r]]`.

    `alleles` is [v, n, p]: allele index, −1 missing, −2 beyond the sample's ploidy.
    """
    n_rows, n_samples, ploidy = len(variant), alleles.shape[1], alleles.shape[2]
    copies = np.zeros((n_rows, n_samples), np.int8)
    called, places = np.zeros_like(copies), np.zeros_like(copies)
    # A site without an alternate allele is asked for one that no genotype can name.
    wanted = np.where(alt == 0, np.iinfo(np.int16).max, alt).astype(np.int16)[:, None]
    for place in range(ploidy):
        allele = alleles[variant, :, place]
        copies += allele == wanted
        called += allele >= 0
        places += allele != -2
    complete = called == places
    several = complete & (called >= 2)
    carries = copies > 0
    pure = carries & (copies == called)
    hom_alt = pure & several
    hom_ref = several & ~carries
    het = carries & ~pure
    diploid = complete & (places == 2)
    return AlleleCounts(
        ac=_total(copies),
        an=_total(called),
        n_called=_total(called > 0),
        n_hom_ref=_total(hom_ref),
        n_het=_total(het),
        n_hom_alt=_total(hom_alt),
        n_hemi=_total(pure & ~hom_alt),
        diploid=(_total(diploid & ~carries), _total(diploid & het), _total(diploid & pure)),
        copies=np.where(complete & (called > 0), copies, np.int8(-1)),
        carries=carries,
    )


def _total(cells: NDArray[np.int8] | NDArray[np.bool_]) -> Counts:
    totals: Counts = cells.sum(axis=1, dtype=np.int32)
    return totals
