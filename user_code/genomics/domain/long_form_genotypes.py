"""Optional genotype fields of the long form, and what they tell of variants and samples.

`genotype` is VCF's GT of the row's variant (`0/1`, `1|1`, `./.`, `1`), or the number of copies of
its alternate allele in a diploid (0, 1, 2; −1 or null: missing). `gq` and `dp` are numbers.

A sample without a row for a variant is not known there: hom-ref or not called. So copies of the
alternate allele can always be counted, but AN, AF, call rate and HWE only of variants (and call
rates only of samples) that have all their rows; elsewhere these are null.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from user_code.genomics.domain.allele_counts import HEMI, HET, HOM_ALT, HOM_REF, MISSING, OTHER
from user_code.genomics.domain.genome_build import NOT_AUTOSOMES
from user_code.genomics.domain.hardy_weinberg import exact_tests, inbreeding
from user_code.genomics.domain.high_quality import AdjRule
from user_code.genomics.domain.refusals import RefusedInputError

FIELDS = ("genotype", "gq", "dp")
_GT = r"^(\.|0|1)([/|](\.|0|1))*$"
_NUMBERS = {"gq": "mean_gq", "dp": "mean_dp"}
_CLASSES = {"n_hom_ref": HOM_REF, "n_het": HET, "n_hom_alt": HOM_ALT, "n_hemi": HEMI}
# Of a sample's or variant's missing rows nothing is known, so these need all rows.
_OF_ALL_ROWS = ("n_called", "n_missing", "call_rate", "n_hom_ref")


def given_fields(schema: Mapping[str, pl.DataType], file_name: str) -> tuple[str, ...]:
    """Those of FIELDS that a file has. RefusedInputError for one of a type that can't be read."""
    for name in FIELDS:
        kind = schema.get(name)
        text = kind in (pl.String, pl.Categorical, pl.Enum) and name == "genotype"
        readable = kind is not None and (
            text or kind.is_integer() or (kind.is_numeric() and name != "genotype")
        )
        if kind is not None and not readable and kind != pl.Null:
            raise RefusedInputError(
                f"{file_name}, {name}",
                "its type can't be read",
                "genotype is text like 0/1 or a count of copies; gq and dp are numbers.",
            )
    return tuple(name for name in FIELDS if name in schema)


def field_expressions(schema: Mapping[str, pl.DataType], fields: tuple[str, ...]) -> list[pl.Expr]:
    """The given fields in the contract's types, and of a genotype its class and called alleles."""
    numbers = [
        pl.col(name).cast(pl.Float32).fill_nan(None) for name in fields if name != "genotype"
    ]
    if "genotype" not in fields:
        return numbers
    given = pl.col("genotype")
    if schema["genotype"].is_integer():
        missing = given.is_null() | (given == -1)
        called = pl.when(missing).then(0).otherwise(2)
        places, found = pl.lit(2), pl.when(missing).then(0).otherwise(given)
        valid = missing | given.is_between(0, 2)
    else:
        text = given.cast(pl.String).fill_null("./.")
        called, places = text.str.count_matches("[01]"), text.str.count_matches("[/|]") + 1
        found, valid = text.str.count_matches("1"), text.str.contains(_GT)
    small = {"called": called, "found": found}
    parts = {name: part.fill_null(0).cast(pl.Int8) for name, part in small.items()}
    complete = called == places
    kind = (
        pl.when(called == 0)
        .then(MISSING)
        .when((found > 0) & (found < called))
        .then(HET)
        .when((found > 0) & complete & (called >= 2))
        .then(HOM_ALT)
        .when(found > 0)
        .then(HEMI)
        .when(complete & (called >= 2))
        .then(HOM_REF)
        .otherwise(OTHER)
    )
    copies = pl.when(complete & (called > 0)).then(parts["found"]).otherwise(-1)
    return [
        copies.cast(pl.Int8).alias("genotype"),
        kind.cast(pl.Int8).alias("class"),
        (complete & (places == 2)).alias("diploid"),
        valid.fill_null(False).alias("valid"),
        *(part.alias(name) for name, part in parts.items()),
        *numbers,
    ]


def by_variant(fields: tuple[str, ...], rule: AdjRule) -> dict[str, pl.Expr]:
    """Aggregations of a variant's rows, for `finish_variants`."""
    sums: dict[str, pl.Expr] = {
        _NUMBERS[name]: pl.col(name).mean().cast(pl.Float64) for name in fields if name in _NUMBERS
    }
    if "genotype" not in fields:
        return sums
    found, called = pl.col("found").cast(pl.Int32), pl.col("called").cast(pl.Int32)
    good = pl.lit(True)
    if "gq" in fields:
        good = good & (pl.col("gq") >= rule.min_gq).fill_null(False)
    if "dp" in fields:
        haploid = (pl.col("called") == 1) & pl.col("class").is_in([HEMI, OTHER])
        least = pl.when(haploid).then(rule.min_dp_haploid).otherwise(rule.min_dp)
        good = good & (pl.col("dp") >= least).fill_null(False)
    of_class = {name: pl.col("class") == number for name, number in _CLASSES.items()}
    diploid = pl.col("diploid")
    return {
        **sums,
        **{name: chosen.sum() for name, chosen in of_class.items()},
        "n_bad": (~pl.col("valid")).sum(),
        "n_rows": pl.len(),
        # Wraps around: equal for all samples once each, in whatever order.
        "who": pl.col("sample_id").hash().sum(),
        "ac": found.sum(),
        "an": called.sum(),
        "n_called": (pl.col("called") > 0).sum(),
        "two_ref": (diploid & of_class["n_hom_ref"]).sum(),
        "two_het": (diploid & of_class["n_het"]).sum(),
        "two_alt": (diploid & of_class["n_hom_alt"]).sum(),
        "ac_adj": found.filter(good).sum(),
        "an_adj": called.filter(good).sum(),
        "n_het_adj": (good & of_class["n_het"]).sum(),
        "n_hom_alt_adj": (good & of_class["n_hom_alt"]).sum(),
    }


def finish_variants(
    rows: pl.DataFrame, samples: pl.Series, fields: tuple[str, ...]
) -> pl.DataFrame:
    """The columns of variant_analysis from what `by_variant` added up; `samples`: all names.

    Raises RefusedInputError if a genotype can't be read.
    """
    if "genotype" not in fields:
        return rows
    if rows["n_bad"].sum():
        raise RefusedInputError(
            "in the Parquet rows, genotype",
            f"{rows['n_bad'].sum()} values are neither like 0/1 nor copies from -1 to 2",
            "Split multiallelic sites first: a row is of one alternate allele.",
        )
    everybody = samples.hash().sum()
    whole = (rows["n_rows"] == len(samples)) & (rows["who"] == everybody)
    two_ref, two_het, two_alt = (rows[f"two_{name}"].to_numpy() for name in ("ref", "het", "alt"))
    if whole.any():
        p, excess = exact_tests(*(np.where(whole, n, 0) for n in (two_ref, two_het, two_alt)))
    else:  # nothing to test, and no table of factorials to fill
        p = excess = np.ones(rows.height)
    asked = ",".join(name.upper() for name in ("gq", "dp") if name in fields)
    finished = rows.with_columns(
        n_missing=pl.lit(len(samples)) - pl.col("n_called"),
        call_rate=pl.col("n_called") / len(samples),
        af=_ratio("ac", "an"),
        af_adj=_ratio("ac_adj", "an_adj"),
        hwe_p=pl.Series(p),
        exc_het_p=pl.Series(excess),
        inbreeding_f=pl.Series(inbreeding(two_ref, two_het, two_alt)).fill_nan(None),
        is_singleton=pl.col("ac") == 1,
        adj_fields=pl.lit(asked or "none"),
    )
    needs_all = (*_OF_ALL_ROWS, "an", "af", "an_adj", "af_adj", "hwe_p", "exc_het_p",
                 "inbreeding_f")  # fmt: skip
    return finished.with_columns(
        pl.when(pl.Series(whole)).then(pl.col(name)).alias(name) for name in needs_all
    )


def by_sample(
    observations: pl.LazyFrame, variants: pl.DataFrame, fields: tuple[str, ...]
) -> pl.LazyFrame:
    """sample_id and what genotypes say of it; a second reading, which knows all variants."""
    if "genotype" not in fields:
        means = {_NUMBERS[name]: pl.col(name).mean() for name in fields}
        return observations.group_by("sample_id").agg(**means)
    name = pl.col("chrom").str.strip_prefix("chr").str.to_uppercase()
    two = {name: pl.col(f"two_{name}").cast(pl.Int64) for name in ("ref", "het", "alt")}
    share = (two["het"] + 2 * two["alt"]) / (2 * sum(two.values(), pl.lit(0)))
    varies = pl.col("an").is_not_null() & (share > 0) & (share < 1)
    known = variants.lazy().select(
        "variant_id",
        "is_transition",
        "variant_type",
        "is_singleton",
        expected=pl.when(varies & ~name.is_in(NOT_AUTOSOMES)).then(1 - 2 * share * (1 - share)),
    )
    has = pl.col("found") > 0
    counted = pl.col("diploid") & pl.col("expected").is_not_null()
    kinds = {
        "n_ti": pl.col("is_transition"),
        "n_tv": ~pl.col("is_transition"),
        "n_ins": pl.col("variant_type") == "insertion",
        "n_del": pl.col("variant_type") == "deletion",
        "n_singleton": pl.col("is_singleton"),
    }
    return (
        observations.join(known, on="variant_id", how="left")
        .group_by("sample_id")
        .agg(
            **{_NUMBERS[field]: pl.col(field).mean() for field in fields if field in _NUMBERS},
            **{name: (pl.col("class") == number).sum() for name, number in _CLASSES.items()},
            **{name: (has & chosen.fill_null(False)).sum() for name, chosen in kinds.items()},
            n_called=(pl.col("called") > 0).sum(),
            who=pl.col("variant_id").hash().sum(),
            n_rows=pl.len(),
            n_tested=counted.sum(),
            n_hom=(counted & (pl.col("class") != HET)).sum(),
            n_expected=pl.col("expected").filter(counted).sum(),
        )
    )


def finish_samples(rows: pl.DataFrame, variants: pl.Series) -> pl.DataFrame:
    """The columns of sample_qc from what `by_sample` added up; `variants`: all of them."""
    if "n_het" not in rows.columns:
        return rows
    whole = (rows["n_rows"] == len(variants)) & (rows["who"] == variants.hash().sum())
    f = (pl.col("n_hom") - pl.col("n_expected")) / (pl.col("n_tested") - pl.col("n_expected"))
    return rows.with_columns(
        n_missing=pl.lit(len(variants)) - pl.col("n_called"),
        call_rate=pl.col("n_called") / len(variants),
        r_het_hom=_ratio("n_het", "n_hom_alt"),
        r_ti_tv=_ratio("n_ti", "n_tv"),
        inbreeding_f=pl.when(pl.col("n_tested") > 0).then(f).fill_nan(None),
    ).with_columns(
        pl.when(pl.Series(whole)).then(pl.col(name)).alias(name) for name in _OF_ALL_ROWS
    )


def _ratio(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
