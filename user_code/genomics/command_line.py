"""`assay genomics …`: the same pass without Dagster, Postgres or Docker."""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from user_code.genomics.command_line_export import add_export
from user_code.genomics.domain.call_set import CallSet, open_call_set
from user_code.genomics.domain.call_set_pass import compute
from user_code.genomics.domain.contracts import QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS
from user_code.genomics.domain.inspection import InputChangedError
from user_code.genomics.domain.qc_pass import Computed
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.domain.report import draw_all, render_report
from user_code.genomics.domain.variant_rows import QcLimits
from user_code.genomics.limits_file import read_limits
from user_code.genomics.progress import progress_bar
from user_code.shared.reports import REPORT_NAME


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this domain's commands; each sets `func`, which takes the parsed arguments."""
    qc = subparsers.add_parser(
        "qc",
        help="check a call set and compute its tables",
        description="Checks a VCF, VCF.gz, BCF or long-form Parquet (a file, or a folder of such "
        "files) and writes raw_genomic_data, variant_analysis, sample_qc and cohort_qc as Parquet, "
        "and report.html. A damaged input is refused in one line, and "
        "no table is left.",
    )
    qc.add_argument("input", type=Path, metavar="INPUT", help="the file or folder")
    qc.add_argument("--out", type=Path, required=True, metavar="DIR", help="where tables go")
    qc.add_argument("--min-qual", type=float, metavar="PHRED", help="default: 30")
    qc.add_argument(
        "--keep-missing-quality", action="store_true", help="rows without a quality pass"
    )
    qc.add_argument(
        "--genotypes",
        action="store_true",
        help="also write quality_filtered_data: what passes, with each sample's genotype",
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
    call_set = open_call_set(arguments.input)
    computed = _write_all(
        call_set,
        limits,
        given.max_expanded_bytes,
        arguments.out,
        arguments.reference,
        genotypes=arguments.genotypes,
    )
    row = computed.raw_genomic_data.row(0, named=True)
    if row["contigs_declared"] is False:
        print("note: the header declares no contigs; they are taken from the records")
    print(
        f"{row['call_set']}: {row['n_samples']:,} samples, {row['n_records']:,} records, "
        f"{row['n_variants']:,} variants; kept {row['n_passing']:,}, dropped "
        f"{row['n_low_quality']:,} of low and {row['n_missing_quality']:,} without quality"
    )
    return 0


def _write_all(
    call_set: CallSet,
    limits: QcLimits,
    most_bytes: float,
    out: Path,
    reference: Path | None,
    *,
    genotypes: bool,
) -> Computed:
    """Tables and report, all of them whole before the first one is in its place."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".assay-", dir=out) as folder:
        filtered, analysis = (
            Path(folder) / f"{contract.name}.parquet"
            for contract in (QUALITY_FILTERED_VARIANTS, VARIANT_ANALYSIS)
        )
        try:
            with progress_bar() as progress:
                computed = compute(
                    call_set,
                    limits,
                    filtered if genotypes else None,
                    analysis,
                    most_bytes=most_bytes,
                    progress=progress,
                    reference=reference,
                )
        except InputChangedError as error:
            raise SystemExit(str(error)) from None
        for name, frame in computed.tables().items():
            frame.write_parquet(Path(folder) / f"{name}.parquet")
        document = render_report(computed, draw_all(analysis, computed.sample_qc))
        (Path(folder) / REPORT_NAME).write_text(document, encoding="utf-8")
        for path in sorted(Path(folder).iterdir()):
            path.replace(out / path.name)
    return computed
