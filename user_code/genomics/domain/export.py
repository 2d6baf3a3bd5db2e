"""Writes what passes of a call set to one file, batch by batch: CSV, Parquet or VCF.

CSV has a column for each sample, with the count of the row's alternate allele and nothing where an
allele is missing. Parquet is as quality_filtered_data. vcf.gz holds the records as they came, not
split. From the long form, CSV and Parquet hold the passing observations.
"""

import csv
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import polars as pl

from user_code.genomics.domain import long_form
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS
from user_code.genomics.domain.genotype_blocks import open_vcf, read_blocks
from user_code.genomics.domain.inspection import Inspected
from user_code.genomics.domain.qc_pass import SAMPLES_KEY
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.table_file import TableFile
from user_code.genomics.domain.variant_rows import QcLimits, analyse

FORMATS = ("csv", "parquet", "vcf.gz")
_SITE = [name for name in QUALITY_FILTERED_VARIANTS.names if name != "genotypes"]
# They count the alleles of the whole cohort, and would be wrong for a part of it.
_OF_THE_COHORT = ("AC", "AN", "AF", "NS")


@dataclass(frozen=True)
class Exported:
    """How much was written: variants (records in a VCF, observations of the long form), samples."""

    rows: int
    n_samples: int


def choose_samples(
    inspected: Inspected, keep: Collection[str] | None, remove: Collection[str] = ()
) -> list[str]:
    """The samples of the call set that are in `keep` (None: all) and not in `remove`, in its order.

    Raises RefusedInputError if a list names samples that aren't there (counted, not named), or
    none is left.
    """
    in_order = list(inspected.samples) or _observed_samples(inspected)
    known = set(in_order)
    strangers = (set(keep or ()) | set(remove)) - known
    if strangers:
        raise RefusedInputError(
            inspected.call_set.name,
            f"{len(strangers)} of the listed samples aren't in it",
            "Correct the lists; a sample that is misspelt would stay in what it was to leave.",
        )
    chosen = [name for name in in_order if (keep is None or name in keep) and name not in remove]
    if len(chosen) < len(known) and any("," in name for name in chosen):
        raise RefusedInputError(
            inspected.call_set.name,
            "a chosen sample's name has a comma in it",
            "htslib separates names by commas: rename it, with bcftools reheader.",
        )
    if not chosen:
        raise RefusedInputError(
            inspected.call_set.name, "no sample is left", "Check the lists of samples."
        )
    return chosen


def _observed_samples(inspected: Inspected) -> list[str]:
    observations = long_form.scan_observations(inspected.call_set)
    with long_form.reading(inspected.call_set.name):
        names = observations.select(pl.col("sample_id").unique()).collect()["sample_id"]
    return names.sort().to_list()


def export(
    inspected: Inspected,
    path: Path,
    output_format: str,
    *,
    min_quality_score: float = 30.0,
    batch_size: int = 10_000,
    samples: list[str] | None = None,
) -> Exported:
    """Write to `path` what has at least `min_quality_score` (Phred), `batch_size` variants a time.

    0 writes all, also what has no quality. The content is the same for every batch size.
    `samples`: a part of the call set's, in order (choose_samples).
    Raises RefusedInputError; then no file is left.
    """
    if output_format not in FORMATS:
        raise ValueError(f"output_format is {output_format!r}: it must be one of {FORMATS}")
    limits = QcLimits(min_quality_score, keep_missing_quality=min_quality_score == 0)
    try:
        if inspected.call_set.is_long_form:
            return _long_form(inspected, path, output_format, limits, samples)
        part = None if samples == list(inspected.samples) else samples
        if output_format == "vcf.gz":
            rows = _vcf(inspected, path, limits, part)
        else:
            write = _csv if output_format == "csv" else _parquet
            names = part or list(inspected.samples)
            rows = write(path, names, _batches(inspected, limits, batch_size, part))
        return Exported(rows, len(part or inspected.samples))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _batches(
    inspected: Inspected, limits: QcLimits, batch_size: int, samples: list[str] | None
) -> Iterator[pl.DataFrame]:
    cells = batch_size * len(samples or inspected.samples)
    for file in inspected.call_set.files:
        for block in read_blocks(file, cells, samples):
            yield analyse(block, limits)[1]


def _csv(path: Path, samples: list[str], batches: Iterator[pl.DataFrame]) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow([*_SITE, *samples])
        file.write(header.getvalue())
        for batch in batches:
            counts = pl.DataFrame(
                batch["genotypes"].list.to_array(len(samples)).to_numpy(),
                schema=[f"sample {number}" for number in range(len(samples))],
            ).with_columns(pl.all().replace(-1, None))
            wide = pl.concat([batch.drop("genotypes"), counts], how="horizontal")
            file.write(wide.write_csv(include_header=False))
            rows += batch.height
    return rows


def _parquet(path: Path, samples: list[str], batches: Iterator[pl.DataFrame]) -> int:
    metadata = {SAMPLES_KEY: json.dumps(samples)}
    with TableFile(path, QUALITY_FILTERED_VARIANTS, metadata) as table:
        for batch in batches:
            table.write(batch)
    return table.rows


def _contigs(inspected: Inspected) -> list[str]:
    return list(dict.fromkeys(contig for facts in inspected.files for contig in facts.contigs))


def _vcf(inspected: Inspected, path: Path, limits: QcLimits, samples: list[str] | None) -> int:
    """Records of all files below the header of the first."""
    rows = 0
    writer: Any = None
    # QUAL is single precision in htslib; the limit has to be, too.
    lowest = np.float32(limits.min_qual)
    contigs = [] if inspected.files[0].contigs_declared else _contigs(inspected)
    try:
        for file in inspected.call_set.files:
            reader = open_vcf(file, samples)
            for contig in contigs:
                reader.add_to_header(f"##contig=<ID={contig}>")
            if writer is None:
                writer = cyvcf2.Writer(str(path), reader, mode="wz")
                writer.write_header()
            for record in reader:
                known = record.QUAL is not None
                if lowest <= record.QUAL if known else limits.keep_missing_quality:
                    if samples is not None:
                        _drop_cohort_counts(record)
                    writer.write_record(record)
                    rows += 1
            reader.close()
    finally:
        if writer is not None:
            writer.close()
    return rows


def _drop_cohort_counts(record: Any) -> None:
    for name in _OF_THE_COHORT:
        if record.INFO.get(name) is not None:
            del record.INFO[name]


def _long_form(
    inspected: Inspected,
    path: Path,
    output_format: str,
    limits: QcLimits,
    samples: list[str] | None,
) -> Exported:
    if output_format == "vcf.gz":
        raise RefusedInputError(
            inspected.call_set.name,
            "its long form has no genotypes to write as VCF",
            "Export it as csv or parquet.",
        )
    rows = long_form.keep_passing(long_form.scan_observations(inspected.call_set), limits)
    if samples is not None:
        rows = rows.filter(pl.col("sample_id").is_in(samples))
    with long_form.reading(inspected.call_set.name):
        if output_format == "csv":
            rows.sink_csv(path)
            written = pl.scan_csv(path)
        else:
            rows.sink_parquet(path)
            written = pl.scan_parquet(path, glob=False)
    counted = written.select(pl.len(), pl.col("sample_id").n_unique().alias("n")).collect()
    return Exported(int(counted["len"][0]), int(counted["n"][0]))
