"""Observed against expected homozygotes by sample: inbreeding, and sex by the X chromosome."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from user_code.genomics.domain.allele_counts import HET, AlleleCounts
from user_code.genomics.domain.genome_build import NOT_AUTOSOMES, is_pseudoautosomal

# As plink's --check-sex: one X leaves no heterozygotes, two leave those that are expected.
_MALE_FROM, _FEMALE_TO = 0.8, 0.2
FEWEST_X_SITES = 10


class Homozygosity:
    """Running totals by sample over sites that are polymorphic in the call set."""

    def __init__(self, n_samples: int) -> None:
        self.n = np.zeros(n_samples, np.int64)
        self._observed = np.zeros(n_samples, np.int64)
        self._expected = np.zeros(n_samples)

    def add(
        self, counted: NDArray[np.bool_], het: NDArray[np.bool_], p: NDArray[np.float64]
    ) -> None:
        """Add rows [r, n] of genotypes that count, those of them that are het; p of alt [r]."""
        polymorphic = (p > 0) & (p < 1)
        rows, p = counted[polymorphic], p[polymorphic]
        called = rows.sum(axis=0)
        self.n += called
        self._observed += called - (rows & het[polymorphic]).sum(axis=0)
        self._expected += (1 - 2 * p * (1 - p)) @ rows.astype(np.float64)

    def merge(
        self, n: NDArray[np.int64], hets: NDArray[np.int64], expected: NDArray[np.float64]
    ) -> None:
        """Add, by sample: genotypes that count at polymorphic sites, hets among them, expected."""
        self.n += n
        self._observed += n - hets
        self._expected += expected

    def f(self) -> NDArray[np.float64]:
        """(observed − expected) / (sites − expected) homozygotes; NaN without such sites."""
        with np.errstate(invalid="ignore", divide="ignore"):
            f: NDArray[np.float64] = np.where(
                self.n > 0, (self._observed - self._expected) / (self.n - self._expected), np.nan
            )
        return f


class InbreedingAndSex:
    """Adds up, block by block, what inbreeding_f, f_x and sex_by_x need."""

    def __init__(self, n_samples: int, build: str | None) -> None:
        self._build = build
        self._autosomes, self._x = Homozygosity(n_samples), Homozygosity(n_samples)
        self._haploid_x, self._called_x = np.zeros((2, n_samples), np.int64)

    def add(self, chrom: pl.Series, pos: pl.Series, counts: AlleleCounts) -> None:
        """Add the rows of a block. On X, haploid genotypes count, as homozygous."""
        names = chrom.str.strip_prefix("chr").str.to_uppercase()
        het = counts.classes == HET
        autosomal = ~names.is_in(NOT_AUTOSOMES).to_numpy()
        if autosomal.any():
            hom_ref, hets, hom_alt = (part[autosomal] for part in counts.diploid)
            frequency = _share(hets + 2 * hom_alt, 2 * (hom_ref + hets + hom_alt))
            self._autosomes.add(counts.is_diploid[autosomal], het[autosomal], frequency)
        on_x = (names == "X").to_numpy() & ~is_pseudoautosomal(self._build, pos.to_numpy())
        if on_x.any():
            haploid = counts.is_haploid[on_x]
            counted = counts.is_diploid[on_x] | haploid
            called = np.where(counted, counts.called[on_x], 0).sum(axis=1)
            found = np.where(counted, counts.found[on_x], 0).sum(axis=1)
            self._x.add(counted, het[on_x], _share(found, called))
            self._haploid_x += haploid.sum(axis=0)
            self._called_x += counted.sum(axis=0)

    def merge(
        self,
        autosomes: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
        x: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
        haploid_x: NDArray[np.int64],
        called_x: NDArray[np.int64],
    ) -> None:
        """Add what was counted elsewhere: see Homozygosity.merge, and genotypes on X by sample."""
        self._autosomes.merge(*autosomes)
        self._x.merge(*x)
        self._haploid_x += haploid_x
        self._called_x += called_x

    def columns(self) -> dict[str, pl.Series]:
        """inbreeding_f, f_x and sex_by_x, a value for each sample; null where nothing tells."""
        f_x = np.where(self._x.n >= FEWEST_X_SITES, self._x.f(), np.nan)
        male = (f_x >= _MALE_FROM) | (2 * self._haploid_x > self._called_x)
        female = ~male & (f_x <= _FEMALE_TO)
        sex = np.where(male, "male", np.where(female, "female", None))  # type: ignore[call-overload]
        return {
            "inbreeding_f": pl.Series(self._autosomes.f()).fill_nan(None),
            "f_x": pl.Series(f_x).fill_nan(None),
            "sex_by_x": pl.Series(sex.tolist(), dtype=pl.String),
        }


def _share(part: NDArray[np.generic], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """part / whole, and 0 (nothing polymorphic) where nothing is called."""
    shares = np.zeros(len(whole))
    np.divide(part, whole, out=shares, where=whole != 0)
    return shares
