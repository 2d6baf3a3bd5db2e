"""The exact test for Hardy-Weinberg equilibrium (Wigginton, Cutler, Abecasis 2005).

The two-sided p: the sum of the probabilities of all heterozygote counts that are no likelier than
the observed one, given the allele counts. As in bcftools and plink2; not the mid-p of Hail.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Mathematically equal probabilities differ by rounding; those within this share count as equal.
_TIE = 1e-9


def hwe_p(hom_ref: ArrayLike, het: ArrayLike, hom_alt: ArrayLike) -> NDArray[np.float64]:
    """p by variant from genotype counts of complete diploids; 1 where the site is monomorphic."""
    return exact_tests(hom_ref, het, hom_alt)[0]


def exact_tests(
    hom_ref: ArrayLike, het: ArrayLike, hom_alt: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two-sided p, and the p of an excess: that of as many heterozygotes or more.

    The second is bcftools' ExcHet: tiny where there are too many. Both 1 at a monomorphic site.
    """
    triples = np.stack([np.asarray(hom_ref), np.asarray(het), np.asarray(hom_alt)], axis=-1)
    pairs = np.array([_one(*row) for row in triples.tolist()], np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


@lru_cache(maxsize=65536)
def _one(hom_ref: int, het: int, hom_alt: int) -> tuple[float, float]:
    n = hom_ref + het + hom_alt
    rare = het + 2 * min(hom_ref, hom_alt)
    if rare == 0:
        return 1.0, 1.0
    hets = np.arange(rare % 2, rare + 1, 2)
    rare_homs = (rare - hets) // 2
    factorial = _log_factorials(n)
    logs = (
        hets * np.log(2.0)
        - factorial[hets]
        - factorial[rare_homs]
        - factorial[n - hets - rare_homs]
    )
    weights = np.exp(logs - logs.max())
    observed, whole = logs[het // 2], weights.sum()
    no_likelier = weights[logs <= observed + _TIE].sum() / whole
    return min(1.0, float(no_likelier)), min(1.0, float(weights[het // 2 :].sum() / whole))


def inbreeding(hom_ref: ArrayLike, het: ArrayLike, hom_alt: ArrayLike) -> NDArray[np.float64]:
    """1 − observed / expected heterozygotes (2pq by diploid); NaN where the site is monomorphic."""
    ref_pairs, hets, alt_pairs = (np.asarray(part, np.float64) for part in (hom_ref, het, hom_alt))
    n = ref_pairs + hets + alt_pairs
    with np.errstate(invalid="ignore", divide="ignore"):
        p = (2 * alt_pairs + hets) / (2 * n)
        expected = 2 * p * (1 - p) * n
        f: NDArray[np.float64] = np.where(expected > 0, 1 - hets / expected, np.nan)
    return f


_table = np.zeros(1)


def _log_factorials(n: int) -> NDArray[np.float64]:
    """log(0!) … log(n!), or more; grown by doubling."""
    global _table
    if len(_table) <= n:
        numbers = np.arange(1, 2 * n + 1, dtype=np.float64)
        _table = np.concatenate([[0.0], np.cumsum(np.log(numbers))])
    return _table
