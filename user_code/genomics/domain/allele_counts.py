"""Counts alleles and classes of genotypes by (split) variant, vectorised.

Definitions are those of `bcftools norm -m -any` followed by `+fill-tags`: splitting turns other
alternate alleles into reference ones; a half-missing genotype counts with its called allele, and
is hemizygous if that is the only one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Classes of a genotype, as seen from one alternate allele.
MISSING = 0  # no allele is called
HOM_REF = 1  # complete, two alleles or more, none of them alt
HET = 2  # alt and another called allele
HOM_ALT = 3  # complete, two alleles or more, all of them alt
HEMI = 4  # haploid or half-missing, and what is called is alt
OTHER = 5  # haploid or half-missing, and no called allele is alt


@dataclass(frozen=True)
class AlleleCounts:
    """By split variant [r]: allele counts. By variant and sample [r, n]: classes, copies."""

    ac: NDArray[np.int32]
    an: NDArray[np.int32]
    classes: NDArray[np.int8]
    copies: NDArray[np.int8]  # of the alt allele; −1 where any allele is missing
    found: NDArray[np.int8]  # copies of the alt allele, whatever else is missing
    called: NDArray[np.int8]  # called alleles
    is_diploid: NDArray[np.bool_]  # complete genotypes of two alleles
    is_haploid: NDArray[np.bool_]  # of one allele, called
    diploid: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    """By variant: complete diploid hom-ref, het, hom-alt; the exact test needs these."""

    def of_class(self, wanted: int) -> NDArray[np.int32]:
        """Samples of a class, by variant."""
        return _total(self.classes == wanted)

    @property
    def carries(self) -> NDArray[np.bool_]:
        """By variant and sample: at least one called copy."""
        return (self.classes >= HET) & (self.classes <= HEMI)


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
    classes = np.where(several, np.int8(HOM_REF), np.int8(OTHER))
    classes[called == 0] = MISSING
    carries = copies > 0
    classes[carries] = HET
    pure = carries & (copies == called)
    classes[pure] = HEMI
    classes[pure & several] = HOM_ALT
    diploid = complete & (places == 2)
    return AlleleCounts(
        ac=_total(copies),
        an=_total(called),
        classes=classes,
        copies=np.where(complete & (called > 0), copies, np.int8(-1)),
        found=copies,
        called=called,
        is_diploid=diploid,
        is_haploid=complete & (places == 1),
        diploid=(_total(diploid & ~carries), _total(diploid & carries & ~pure),
                 _total(diploid & pure)),
    )  # fmt: skip


def _total(cells: NDArray[np.int8] | NDArray[np.bool_]) -> NDArray[np.int32]:
    totals: NDArray[np.int32] = cells.sum(axis=1, dtype=np.int32)
    return totals
