"""`assay genomics export`: what passes of a call set as one file."""

import argparse
from pathlib import Path

from user_code.genomics.domain.call_set import open_call_set
from user_code.genomics.domain.export import FORMATS, export
from user_code.genomics.domain.inspection import inspect_call_set
from user_code.genomics.domain.refusals import RefusedInputError
from user_code.genomics.sample_lists import listed_samples


def add_export(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "export",
        help="write what passes of a call set to one file",
        description="Writes what reaches a quality of a VCF, VCF.gz, BCF or long-form Parquet (a "
        "file, or a folder of such files) as csv (a column for each sample), parquet (as "
        "quality_filtered_data) or vcf.gz (the records as they came).",
    )
    command.add_argument("input", type=Path, metavar="INPUT", help="the file or folder")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="what is written")
    command.add_argument("--output-format", choices=FORMATS, help="default: by the ending of FILE")
    command.add_argument(
        "--min-quality-score", type=float, default=30.0, metavar="PHRED", help="default: 30"
    )
    command.add_argument(
        "--batch-size", type=int, default=10_000, metavar="N", help="variants written at a time"
    )
    command.add_argument(
        "--keep", type=Path, metavar="LIST", help="file of the only samples to write, one a line"
    )
    command.add_argument(
        "--remove", type=Path, metavar="LIST", help="file of samples to leave out, one a line"
    )
    command.set_defaults(func=run_export)


def run_export(arguments: argparse.Namespace) -> int:
    """Write `arguments.out`; 0, or RefusedInputError with nothing written."""
    out: Path = arguments.out
    output_format = arguments.output_format or next(
        (name for name in FORMATS if out.name.endswith(f".{name}")), None
    )
    if output_format is None:
        raise RefusedInputError(
            out.name, "its ending names no form", f"Use --output-format: {', '.join(FORMATS)}."
        )
    if not 0 <= arguments.min_quality_score < float("inf"):
        raise RefusedInputError("--min-quality-score", "not 0 or more", "Give a Phred quality.")
    if not 1 <= arguments.batch_size <= 1_000_000:
        raise RefusedInputError("--batch-size", "not between 1 and 1000000", "Try 10000.")
    inspected = inspect_call_set(open_call_set(arguments.input))
    samples = listed_samples(inspected, arguments.keep, arguments.remove)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.tmp")
    written = export(
        inspected,
        temporary,
        output_format,
        min_quality_score=arguments.min_quality_score,
        batch_size=arguments.batch_size,
        samples=samples,
    )
    temporary.replace(out)
    print(f"{out}: {written.rows:,} rows, {written.n_samples:,} samples")
    return 0
