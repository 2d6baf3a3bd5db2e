"""`assay genomics …`: the same pass without Dagster, Postgres or Docker."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from user_code.genomics.command_line_export import add_export
from user_code.genomics.domain.call_set import open_call_set
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS
from user_code.genomics.domain.inspection import inspect_call_set
from user_code.genomics.domain.qc_pass import Progress, run_pass
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.report import REPORT_NAME, draw_all, render_report
from user_code.genomics.limits_file import read_limits


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this domain's commands; each sets `func`, which takes the parsed arguments."""
    qc = subparsers.add_parser(
        "qc",
        help="check a call set and compute its tables",
        description="Checks a VCF, VCF.gz, BCF or long-form Parquet (a file, or a folder of such "
        "files) and writes raw_genomic_data, quality_filtered_data, variant_analysis, sample_qc "
        "and cohort_qc as Parquet, and report.html. A damaged input is refused in one line, and "
        "no table is left.",
    )
    qc.add_argument("input", type=Path, metavar="INPUT", help="the file or folder")
    qc.add_argument("--out", type=Path, required=True, metavar="DIR", help="where tables go")
    qc.add_argument("--min-qual", type=float, metavar="PHRED", help="default: 30")
    qc.add_argument(
        "--keep-missing-quality", action="store_true", help="rows without a quality pass"
    )
    qc.add_argument(
        "--reference",
        type=Path,
        metavar="FASTA",
        help="check reference alleles against it and left-align; plain or bgzipped, with its .fai",
    )
    qc.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML or JSON with min_qual, keep_missing_quality, outlier_mads, max_expanded_gb, "
        "adj_min_gq, adj_min_dp, adj_min_dp_haploid, adj_min_allele_balance",
    )
    qc.set_defaults(func=run_qc)
    add_export(subparsers)


def run_qc(arguments: argparse.Namespace) -> int:
    """Compute the tables of `arguments.input`; 0, or RefusedInputError with nothing written."""
    given = read_limits(arguments.config)
    limits = given.limits
    if arguments.min_qual is not None:
        if not arguments.min_qual >= 0:
            raise RefusedInputError("--min-qual", "it is not 0 or more", "Give a Phred quality.")
        limits = replace(limits, min_qual=arguments.min_qual)
    if arguments.keep_missing_quality:
        limits = replace(limits, keep_missing_quality=True)
    if arguments.reference:
        from user_code.genomics.domain.normalisation import check_reference

        check_reference(arguments.reference)
    inspected = inspect_call_set(open_call_set(arguments.input), given.max_expanded_bytes)
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    names = (QUALITY_FILTERED_VARIANTS.name, VARIANT_ANALYSIS.name)
    temporary = [out / f".{name}.parquet.tmp" for name in names]
    computed = run_pass(
        inspected,
        limits,
        *temporary,
        progress=_show_progress(),
        reference=arguments.reference,
    )
    if arguments.reference and sys.stderr.isatty():
        print(file=sys.stderr)  # how many rows there will be isn't known before
    small = vars(computed)
    for name, frame in small.items():
        frame.write_parquet(out / f".{name}.parquet.tmp")
    report = out / f".{REPORT_NAME}.tmp"
    report.write_text(
        render_report(computed, draw_all(temporary[1], computed.sample_qc)), encoding="utf-8"
    )
    report.replace(out / REPORT_NAME)
    for name in (*names, *small):
        (out / f".{name}.parquet.tmp").replace(out / f"{name}.parquet")
    row = computed.raw_genomic_data.row(0, named=True)
    print(
        f"{row['call_set']}: {row['n_samples']:,} samples, {row['n_records']:,} records, "
        f"{row['n_variants']:,} variants; kept {row['n_passing']:,}, dropped "
        f"{row['n_low_quality']:,} of low and {row['n_missing_quality']:,} without quality"
    )
    return 0


def _show_progress() -> Progress:
    """A counter on the terminal's error output; nothing where that is a file or a pipe."""
    started = time.monotonic()

    def show(done: int, whole: int | None) -> None:
        if sys.stderr.isatty():
            rate = done / max(time.monotonic() - started, 1e-6)
            share = f"{100 * done / whole:3.0f} %" if whole else ""
            end = "\n" if done == whole else ""
            print(f"\r{share} {done:,} records, {rate:,.0f}/s ", end=end, file=sys.stderr)

    return show
