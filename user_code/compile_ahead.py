"""`python -m user_code.compile_ahead`: compiles what numba compiles, so that no run has to.

Numba compiles at the first call, for the types of its arguments, and keeps the code in
NUMBA_CACHE_DIR. An image does it when it is built: each run starts in a new container. The
first call of each domain is a small file, read as all files are.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

_HEADER = """##fileformat=VCFv4.2
##contig=<ID=1,length=1000>
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">
"""
_ROWS = [
    ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "a", "b"),
    ("1", "5", ".", "A", "G", "50", ".", ".", "GT:DP", "0/1:20", "0/0:20"),
]


def read_a_call_set(folder: Path) -> str:
    """Read a small VCF the fast way; returns what read it."""
    from user_code.genomics.domain.call_set import open_call_set
    from user_code.genomics.domain.call_set_pass import compute
    from user_code.genomics.domain.variant_rows import QcLimits

    path = folder / "small.vcf"
    path.write_text(_HEADER + "".join("\t".join(row) + "\n" for row in _ROWS))
    computed = compute(
        open_call_set(path), QcLimits(), None, folder / "analysis.parquet", fast_from=0
    )
    return str(computed.raw_genomic_data["reader"].item())


def read_a_feed(folder: Path) -> int:
    """Read a feed that is just large enough for the compiled way; returns how many rows it has."""
    from user_code.finance.domain.feed_files import parse_feed_path
    from user_code.finance.domain.file_parts import FAST_FROM_BYTES
    from user_code.finance.domain.ingest import read_file

    day = date(2025, 1, 6)
    header = "transaction_id,booked_at,account_id,category,amount,currency\n"
    row = f"k,{day}T12:00:00Z,a,c,1.50,EUR\n"
    (folder / "bank").mkdir()
    path = folder / "bank" / f"tx-{day}.csv"
    path.write_text(header + row * (FAST_FROM_BYTES // len(row) + 1))
    file = parse_feed_path(path)
    if file is None:
        raise RuntimeError(f"{path.name} is not named as feeds are")
    return read_file(file).sound.height


def main() -> None:
    with TemporaryDirectory(prefix="assay-compile-") as name:
        print(f"call sets: {read_a_call_set(Path(name))}; feeds: {read_a_feed(Path(name))} rows")


if __name__ == "__main__":
    main()
