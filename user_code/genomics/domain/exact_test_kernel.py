"""Compiled: the exact tests of hardy_weinberg, for many variants at once."""

import numpy as np
from numba import njit

_TIE = 1e-9  # as in hardy_weinberg: probabilities that differ by less are equal


@njit(cache=True, nogil=True)
def exact_tests(hom_ref, het, hom_alt):
    """Two-sided p and p of an excess of heterozygotes, by variant; see hardy_weinberg."""
    n_variants = len(het)
    two_sided, excess = np.ones(n_variants), np.ones(n_variants)
    weights = np.empty(1024)
    for row in range(n_variants):
        n = hom_ref[row] + het[row] + hom_alt[row]
        rare = het[row] + 2 * min(hom_ref[row], hom_alt[row])
        if rare == 0:
            continue
        steps = rare // 2 + 1
        if steps > len(weights):
            weights = np.empty(2 * steps)
        # Heterozygotes 2 i + odd; outwards from the likeliest number of them, whose weight is 1.
        odd = rare % 2
        middle = min(max(int(rare * (2.0 * n - rare) / (2.0 * n)) // 2, 0), steps - 1)
        weights[middle] = 1.0
        for i in range(middle, steps - 1):
            hets = 2.0 * i + odd
            rare_homs = (rare - hets) / 2
            common_homs = n - hets - rare_homs
            factor = 4 * rare_homs * common_homs / ((hets + 2) * (hets + 1))
            weights[i + 1] = weights[i] * factor
        for i in range(middle, 0, -1):
            hets = 2.0 * i + odd
            rare_homs = (rare - hets) / 2
            common_homs = n - hets - rare_homs
            factor = hets * (hets - 1) / (4 * (rare_homs + 1) * (common_homs + 1))
            weights[i - 1] = weights[i] * factor
        at = het[row] // 2
        most = weights[at] * (1 + _TIE)
        whole, unlikely, more = 0.0, 0.0, 0.0
        for i in range(steps):
            whole += weights[i]
            if weights[i] <= most:
                unlikely += weights[i]
            if i >= at:
                more += weights[i]
        two_sided[row] = min(1.0, unlikely / whole)
        excess[row] = min(1.0, more / whole)
    return two_sided, excess
