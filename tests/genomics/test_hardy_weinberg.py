"""The exact test against whole-number arithmetic."""

from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_code.genomics.domain.hardy_weinberg import hwe_p


def by_fractions(hom_ref: int, het: int, hom_alt: int) -> float:
    """Sum of the exact probabilities of all tables no likelier than the observed one."""
    n, rare = hom_ref + het + hom_alt, het + 2 * min(hom_ref, hom_alt)

    def weight(hets: int) -> Fraction:
        homs = (rare - hets) // 2
        return Fraction(2**hets, factorial(hets) * factorial(homs) * factorial(n - hets - homs))

    weights = [weight(hets) for hets in range(rare % 2, rare + 1, 2)]
    return float(sum(w for w in weights if w <= weight(het)) / sum(weights))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_p_equals_whole_number_arithmetic(hom_ref: int, het: int, hom_alt: int) -> None:
    if hom_ref + het + hom_alt == 0:
        return
    exact = by_fractions(hom_ref, het, hom_alt)
    assert hwe_p([hom_ref], [het], [hom_alt])[0] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "p"),
    [((2, 0, 1), 0.2), ((20, 4, 20), 1.18019e-08), ((53, 4, 0), 1), ((0, 0, 0), 1), ((9, 0, 0), 1)],
)
def test_p_as_bcftools_prints_it(counts: tuple[int, int, int], p: float) -> None:
    assert hwe_p(*([count] for count in counts))[0] == pytest.approx(p, rel=1e-5)


def test_tiny_p_values_are_not_rounded_to_nothing() -> None:
    assert 0 < hwe_p([500], [0], [500])[0] < 1e-290
