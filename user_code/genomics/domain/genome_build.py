"""Which reference genome a header describes, and how it names its contigs."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

# Lengths that tell the human builds apart; one hit is enough, they don't collide.
_LENGTHS = {
    "GRCh37": {"1": 249250621, "2": 243199373, "20": 63025520, "21": 48129895, "22": 51304566,
               "X": 155270560},
    "GRCh38": {"1": 248956422, "2": 242193529, "20": 64444167, "21": 46709983, "22": 50818468,
               "X": 156040895},
    "T2T-CHM13v2": {"1": 248387328, "2": 242696752, "20": 66210255, "21": 45090682,
                    "22": 51324926, "X": 154259566},
}  # fmt: skip
# Where X and Y are alike, and men are diploid: first and last base, 1-based.
_PSEUDOAUTOSOMAL_X = {
    "GRCh37": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
    "GRCh38": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
    "T2T-CHM13v2": ((1, 2_394_410), (153_925_835, 154_259_566)),
}
NOT_AUTOSOMES = frozenset({"X", "Y", "M", "MT"})  # without chr, in capitals
_HUMAN = {*map(str, range(1, 23)), *NOT_AUTOSOMES}


class MixedBuildsError(ValueError):
    """Contigs have lengths of several builds."""


def recognise_build(contig_lengths: Mapping[str, int]) -> str | None:
    """The build that the lengths (bases, by contig) agree with; None if there is none.

    Raises MixedBuildsError, which names them, if there are several.
    """
    builds = {
        build
        for contig, length in contig_lengths.items()
        for build, lengths in _LENGTHS.items()
        if lengths.get(contig.removeprefix("chr")) == length
    }
    if len(builds) > 1:
        raise MixedBuildsError(" and ".join(sorted(builds)))
    return builds.pop() if builds else None


def contig_naming(contigs: Iterable[str]) -> str | None:
    """`chr`, `plain`, or `mixed` by the human chromosomes among the names; None without any."""
    styles = {
        "chr" if contig.startswith("chr") else "plain"
        for contig in contigs
        if contig.removeprefix("chr") in _HUMAN
    }
    if len(styles) > 1:
        return "mixed"
    return styles.pop() if styles else None


def pseudoautosomal_regions(build: str | None) -> tuple[tuple[int, int], ...]:
    """First and last base (1-based) of the pseudoautosomal regions of X; none of no build."""
    return _PSEUDOAUTOSOMAL_X.get(build or "", ())


def is_pseudoautosomal(build: str | None, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether positions (1-based) on X lie in its pseudoautosomal regions; none of no build."""
    inside = np.zeros(len(positions), np.bool_)
    for first, last in pseudoautosomal_regions(build):
        inside |= (positions >= first) & (positions <= last)
    return inside
