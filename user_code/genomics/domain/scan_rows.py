"""Turns what the kernel counted into rows of variant_analysis and quality_filtered_data."""

import re
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from user_code.genomics.domain import scan_kernel as kernel
from user_code.genomics.domain.chunk_scan import ScannedChunk
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS
from user_code.genomics.domain.exact_test_kernel import exact_tests
from user_code.genomics.domain.hardy_weinberg import inbreeding
from user_code.genomics.domain.text_chunks import UnusualError
from user_code.genomics.domain.variant_rows import QcLimits, judge, variant_id

_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d{1,2})?")
_FILTER = re.compile(r"[A-Za-z_][\w.+-]*(;[A-Za-z_][\w.+-]*)*")
_KINDS = pl.Series(kernel.KINDS, dtype=pl.String)


def tables(
    chunks: list[ScannedChunk], n_samples: int, adj_fields: str, limits: QcLimits, genotypes: bool
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Rows of variant_analysis, and of quality_filtered_data where genotypes were asked for.

    Raises UnusualError for a QUAL or FILTER that isn't as usual.
    """
    variants = np.concatenate([chunk.variants for chunk in chunks])
    per_chunk = [len(chunk.records) for chunk in chunks]
    record = variants[:, kernel.RECORD] + np.repeat(
        np.cumsum([0, *per_chunk[:-1]]), [len(chunk.variants) for chunk in chunks]
    )
    records = np.concatenate([chunk.records for chunk in chunks])
    sites = _sites([text for chunk in chunks for text in chunk.heads], chunks, records, record)
    analysis = judge(sites, _statistics(variants, n_samples, adj_fields), limits)
    if not genotypes:
        return analysis, None
    passes = analysis["passes"].to_numpy()
    copies = np.concatenate([chunk.copies for chunk in chunks])[passes]
    column = pl.Series("genotypes", copies, dtype=pl.Array(pl.Int8(), n_samples))
    passing = sites.filter(analysis["passes"]).with_columns(column.arr.to_list())
    return analysis, passing.select(QUALITY_FILTERED_VARIANTS.names)


def _sites(
    heads: list[str],
    chunks: list[ScannedChunk],
    records: NDArray[np.int64],
    record: NDArray[np.int64],
) -> pl.DataFrame:
    quals = np.concatenate([chunk.quals for chunk in chunks])
    for number in np.flatnonzero(records[:, kernel.QUAL_SLOW]).tolist():
        text = heads[7 * number + 5]
        if not _NUMBER.fullmatch(text):
            raise UnusualError("QUAL isn't a usual number")
        quals[number] = float(text)
    filters = heads[6::7]
    for text in set(filters):
        _check_filter(text)
    site_id = pl.Series(heads[2::7], dtype=pl.String)
    listed = pl.Series(heads[4::7], dtype=pl.String)
    if int(records[:, kernel.N_ALTS].max(initial=0)) > 1:
        listed = listed.str.split(",").explode(empty_as_null=False, keep_nulls=True)
    return (
        pl.DataFrame(
            {
                "chrom": pl.Series(heads[0::7], dtype=pl.String),
                "pos": records[:, kernel.POS],
                "ref": pl.Series(heads[3::7], dtype=pl.String),
                "site_id": site_id.set(site_id == ".", None),
                "qual": pl.Series(quals.astype(np.float32)).fill_nan(None),
                "filter": pl.Series(filters, dtype=pl.String),
            }
        )[record]
        .with_columns(listed.alias("alt"))
        .with_columns(variant_id())
        .select(name for name in QUALITY_FILTERED_VARIANTS.names if name != "genotypes")
    )


@lru_cache(maxsize=4096)
def _check_filter(text: str) -> None:
    parts = text.split(";")
    if text in (".", "PASS"):
        return
    if not _FILTER.fullmatch(text) or len(set(parts)) < len(parts) or "PASS" in parts:
        raise UnusualError("FILTER isn't a usual list")


def _statistics(
    variants: NDArray[np.int64], n_samples: int, adj_fields: str
) -> dict[str, pl.Expr | pl.Series]:
    column = np.ascontiguousarray(variants.T)
    diploid = tuple(column[kernel.DIPLOID_REF : kernel.DIPLOID_ALT + 1])
    exact_p, excess_p = exact_tests(*diploid)
    n_missing = column[kernel.MISSING]
    transition = pl.Series(column[kernel.TRANSITION])
    return {
        "ac": pl.Series(column[kernel.AC]),
        "an": pl.Series(column[kernel.AN]),
        "af": _ratio(column[kernel.AC], column[kernel.AN]),
        "n_samples": pl.lit(n_samples),
        "n_called": pl.Series(n_samples - n_missing),
        "n_missing": pl.Series(n_missing),
        "call_rate": pl.Series((n_samples - n_missing) / n_samples),
        "n_hom_ref": pl.Series(column[kernel.HOM_REF]),
        "n_het": pl.Series(column[kernel.HET]),
        "n_hom_alt": pl.Series(column[kernel.HOM_ALT]),
        "n_hemi": pl.Series(column[kernel.HEMI]),
        "mean_dp": _ratio(column[kernel.DP_SUM], column[kernel.DP_GIVEN]),
        "mean_gq": _ratio(column[kernel.GQ_SUM], column[kernel.GQ_GIVEN]),
        "hwe_p": pl.Series(exact_p),
        "exc_het_p": pl.Series(excess_p),
        "inbreeding_f": pl.Series(inbreeding(*diploid)).fill_nan(None),
        "sample_count": pl.Series(column[kernel.CARRIERS]),
        "avg_quality": _ratio(column[kernel.GQ_OF_CARRIERS], column[kernel.GQ_CARRIERS]),
        "variant_type": _KINDS.gather(pl.Series(column[kernel.KIND])),
        "is_transition": (transition == 1).set(transition < 0, None),
        "is_singleton": pl.Series(column[kernel.AC] == 1),
        "ac_adj": pl.Series(column[kernel.AC_ADJ]),
        "an_adj": pl.Series(column[kernel.AN_ADJ]),
        "af_adj": _ratio(column[kernel.AC_ADJ], column[kernel.AN_ADJ]),
        "n_het_adj": pl.Series(column[kernel.HET_ADJ]),
        "n_hom_alt_adj": pl.Series(column[kernel.HOM_ALT_ADJ]),
        "adj_fields": pl.lit(adj_fields or "none"),
    }


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> pl.Series:
    with np.errstate(invalid="ignore", divide="ignore"):
        return pl.Series(part / whole).fill_nan(None)
