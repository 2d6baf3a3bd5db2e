"""Small VCFs for tests, written as text or bgzipped."""

from pathlib import Path

import pysam.bcftools

HEADER = """##fileformat=VCFv4.2
##contig=<ID=1,length=249250621>
##contig=<ID=X,length=155270560>
##FILTER=<ID=q10,Description="low">
##ALT=<ID=DEL,Description="deletion">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="depth by allele">
"""


def vcf(rows: list[str], samples: list[str], header: str = HEADER) -> str:
    """A VCF of these rows, whose columns are separated by spaces here and by tabs there."""
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = ["\t".join([*fixed, *samples]), *("\t".join(row.split()) for row in rows)]
    return header + "".join(f"{line}\n" for line in lines)


def write_vcf(path: Path, rows: list[str], samples: list[str], header: str = HEADER) -> Path:
    """Write the rows in the form that the name asks for: .vcf, .vcf.gz (BGZF) or .bcf."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.parent / f".{path.name}.text.vcf"
    text.write_text(vcf(rows, samples, header))
    if path.name.endswith(".vcf"):
        return text.rename(path)
    kind = "b" if path.name.endswith(".bcf") else "z"
    pysam.bcftools.view("--no-version", f"-O{kind}", "-o", str(path), str(text), catch_stdout=False)
    text.unlink()
    return path
