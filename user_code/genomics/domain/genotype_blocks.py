"""Streams a VCF or BCF as blocks of variants: numpy arrays for the numbers, lists for the rest."""

import contextlib
import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
from numpy.typing import NDArray

from user_code.genomics.domain.refusals import RefusedInputError

READER = f"cyvcf2 {cyvcf2.__version__}"
MISSING, ABSENT = -1, -2  # an allele that wasn't called; a place beyond the sample's ploidy

# Genotypes held at once: 4 MB of alleles, and about 50 MB with all that is counted from them.
CELLS_PER_BLOCK = 1_000_000
MOST_COPIES = 127  # copies are counted in a byte
_FORMAT = re.compile(r"^##FORMAT=<(?:[^>]*,)?ID=([^,>]+)", re.MULTILINE)
# htslib's integers for missing and for the end of a vector are the two lowest.
_MISSING_BELOW = -2.1e9


# htslib writes a line of its own for each odd row, to a run's log too. What matters is refused
# here with place and reason. (Built otherwise, the library may not export the switch.)
with contextlib.suppress(AttributeError, OSError):
    ctypes.CDLL(cyvcf2.cyvcf2.__file__).hts_set_log_level(0)


@dataclass(frozen=True)
class GenotypeBlock:
    """`v` consecutive records of a file with `n` samples and ploidy up to `p`."""

    chrom: list[str]
    pos: list[int]
    site_id: list[str | None]
    ref: list[str]
    alts: list[list[str]]
    filter: list[str]
    qual: NDArray[np.float32]  # [v], NaN where missing
    alleles: NDArray[np.int16]  # [v, n, p]: index, MISSING or ABSENT
    depth: NDArray[np.float32]  # [v, n], NaN where missing
    genotype_quality: NDArray[np.float32]  # [v, n], NaN where missing
    alt_depth: NDArray[np.float32]
    """[r, n]: reads of each alternate allele (AD), record by record, a row of NaN where a record
    has none; NaN where missing."""
    declared: frozenset[str]  # FORMAT fields that the header declares


def read_blocks(
    path: Path, cells: int = CELLS_PER_BLOCK, samples: list[str] | None = None
) -> Iterator[GenotypeBlock]:
    """Blocks of about `cells` genotypes, at least one record each; of `samples` (default: all).

    Raises RefusedInputError where htslib can't read on, or a genotype names an allele that the
    record doesn't list.
    """
    reader = open_vcf(path, samples)
    n_samples = len(reader.samples)
    declared = declared_fields(reader.raw_header)
    rows = max(1, cells // max(1, n_samples))
    try:
        records: list[Any] = []
        number = 0
        while True:
            try:
                record = next(reader, None)
                if record is not None:
                    records.append(_unpack(record, n_samples, declared))
                    number += 1
            except Exception as error:
                raise _unreadable(f"{path.name}, record {number + 1}", error) from error
            if records and (record is None or len(records) == rows):
                yield _to_block(records, path.name, number - len(records), declared)
                records = []
            if record is None:
                return
    finally:
        reader.close()


def declared_fields(header: str) -> frozenset[str]:
    """The FORMAT fields of a header."""
    return frozenset(_FORMAT.findall(header))


def open_vcf(path: Path, samples: list[str] | None = None) -> Any:
    """A reader of all samples, or of some, in the file's order. Raises RefusedInputError."""
    try:
        reader = cyvcf2.VCF(str(path), samples=samples)
        _ = reader.samples, reader.raw_header  # which fails where the text isn't UTF-8
        return reader
    except Exception as error:
        raise _unreadable(path.name, error) from error


def indexed_records(path: Path) -> int | None:
    """How many records the index beside a file (.tbi, .csi) counts; None without a usable one."""
    if not any(path.with_name(path.name + suffix).is_file() for suffix in (".tbi", ".csi")):
        return None
    reader = cyvcf2.VCF(str(path))
    try:
        return int(reader.num_records)
    except ValueError:
        return None
    finally:
        reader.close()


def _unreadable(place: str, error: Exception) -> RefusedInputError:
    # htslib's own words may quote the row; the type says enough.
    return RefusedInputError(
        place,
        f"htslib can't read it ({type(error).__name__})",
        "A field isn't of the type that the header declares; bcftools view names it.",
    )


def _unpack(record: Any, n_samples: int, declared: frozenset[str]) -> tuple[Any, ...]:
    given = record.FORMAT
    alleles = (
        record.genotype.array()[:, :-1]
        if "GT" in given
        else np.full((n_samples, 1), MISSING, np.int16)
    )
    return (
        record.CHROM,
        record.POS,
        record.ID,
        record.REF,
        record.ALT,
        ";".join(record.FILTERS) or ".",
        np.nan if record.QUAL is None else record.QUAL,
        alleles,
        _numbers(record, "DP", given, slice(0, 1)),
        _numbers(record, "GQ", given, slice(0, 1)),
        _numbers(record, "AD", given, slice(1, 1 + max(1, len(record.ALT))))
        if "AD" in declared
        else None,
    )


def _numbers(record: Any, name: str, given: list[str], which: slice) -> NDArray[np.float32] | None:
    """Values of a FORMAT field, [value, sample]; None where absent, or not a number."""
    values = record.format(name) if name in given else None
    if values is None or values.dtype.kind not in "if":
        return None
    chosen: NDArray[np.float32] = values[:, which].T.astype(np.float32)
    return chosen


def _stack(
    parts: tuple[NDArray[np.float32] | None, ...], heights: NDArray[np.int64], n_samples: int
) -> NDArray[np.float32]:
    """What `_numbers` gave of each record, in `heights` rows each; NaN where missing."""
    stacked = np.full((int(heights.sum()), n_samples), np.nan, np.float32)
    for part, end, height in zip(parts, np.cumsum(heights).tolist(), heights.tolist(), strict=True):
        if part is not None:
            stacked[end - height : end - height + len(part)] = part
    stacked[stacked < _MISSING_BELOW] = np.nan
    return stacked


def _to_block(
    records: list[tuple[Any, ...]], name: str, before: int, declared: frozenset[str]
) -> GenotypeBlock:
    chrom, pos, ids, ref, alts, filters, qual, genotypes, depth, quality, alt_depth = zip(
        *records, strict=True
    )
    ploidy = max(alleles.shape[1] for alleles in genotypes)
    if ploidy > MOST_COPIES:
        raise RefusedInputError(
            f"{name}, records {before + 1} to {before + len(records)}",
            f"a genotype has {ploidy} alleles, more than {MOST_COPIES}",
            "Leave the record out.",
        )
    n_samples = genotypes[0].shape[0]
    block = np.full((len(records), n_samples, ploidy), ABSENT, np.int16)
    for row, alleles in enumerate(genotypes):
        block[row, :, : alleles.shape[1]] = alleles
    n_alts = np.fromiter((len(listed) for listed in alts), np.int64, len(alts))
    # Below ABSENT: an index so large that it came out negative.
    flat = block.reshape(len(records), -1)
    beyond = np.flatnonzero((flat.max(axis=1) > n_alts) | (flat.min(axis=1) < ABSENT))
    if beyond.size:
        raise RefusedInputError(
            f"{name}, record {before + int(beyond[0]) + 1}",
            "a genotype names an allele that ALT doesn't list",
            "The record is damaged: call or export it again.",
        )
    one = np.ones_like(n_alts)
    return GenotypeBlock(
        list(chrom), list(pos), list(ids), list(ref), list(alts), list(filters),
        np.array(qual, np.float32), block,
        _stack(depth, one, n_samples), _stack(quality, one, n_samples),
        _stack(alt_depth, np.maximum(n_alts, 1), n_samples)
        if "AD" in declared else np.empty((0, 0), np.float32),
        declared,
    )  # fmt: skip
