"""A made-up cohort for the benchmarks: GT:DP:GQ, biallelic, one seed, no real genome in it.

Few alleles are common and most are rare, as in a real cohort (frequency ∝ 1 / count).
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from isal import igzip, isal_zlib

_BGZF_HEAD = bytes.fromhex("1f8b08040000000000ff0600424302 00".replace(" ", ""))
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BLOCK = 65_280
_SEED = 20260131
LENGTH = 200_020_000  # of each contig


def generate(path: Path, n_samples: int, n_variants: int) -> Path:
    """Write a bgzipped VCF; the same bytes for the same numbers."""
    rng = np.random.default_rng(_SEED)
    genotypes = ["0/0", "0/1", "1/1", "./."]
    cells = np.array(
        [f"{gt}:{dp}:{gq}" for gt in genotypes for dp in range(64) for gq in range(100)]
    )
    counts = np.arange(1, 2 * n_samples)
    weights = (1 / counts) / (1 / counts).sum()
    positions = np.sort(rng.choice(200_000_000, n_variants, replace=False)) + 10_000
    waiting = bytearray(_header(n_samples).encode())
    with path.open("wb") as file:
        for position in positions:
            p = rng.choice(counts, p=weights) / (2 * n_samples)
            ref, alt = rng.choice(4, 2, replace=False)
            kind = (rng.random((2, n_samples)) < p).sum(axis=0)
            kind[rng.random(n_samples) < 0.01] = 3
            depth = np.clip(rng.poisson(30, n_samples), 0, 63)
            quality = np.clip(3 * depth + rng.integers(-3, 4, n_samples), 0, 99)
            row = "\t".join(cells[kind * 6400 + depth * 100 + quality])
            quality_of_site = f"{rng.uniform(5, 900):.1f}"
            waiting += (
                f"1\t{position}\t.\t{'ACGT'[ref]}\t{'ACGT'[alt]}\t{quality_of_site}\tPASS\t.\t"
                f"GT:DP:GQ\t{row}\n"
            ).encode()
            while len(waiting) >= _BLOCK:
                file.write(_block(bytes(waiting[:_BLOCK])))
                del waiting[:_BLOCK]
        file.write(_block(bytes(waiting)))
        file.write(_END)
    return path


def _header(n_samples: int) -> str:
    names = "\t".join(f"S{number:05d}" for number in range(n_samples))
    return (
        "##fileformat=VCFv4.2\n"
        + "".join(f"##contig=<ID={number},length={LENGTH}>\n" for number in range(1, 23))
        + '##FILTER=<ID=PASS,Description="All filters passed">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
    )


def _block(data: bytes, quickly: bool = False) -> bytes:
    packer = (isal_zlib if quickly else zlib).compressobj(2 if quickly else 6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    size = len(_BGZF_HEAD) + 2 + len(packed) + 8
    tail = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return _BGZF_HEAD + (size - 1).to_bytes(2, "little") + packed + tail


def decompress_only(path: Path) -> int:
    """The floor of every reader: bytes after decompression, nothing else done with them."""
    total = 0
    with igzip.open(path) as file:
        while block := file.read(1 << 20):
            total += len(block)
    return total


def repeat(path: Path, target: Path, times: int) -> Path:
    """Write the rows once more for each of the contigs 1 … `times`, at most 22."""
    waiting = bytearray()
    with target.open("wb") as out:
        for number in range(1, times + 1):
            with igzip.open(path) as file:
                for line in file:
                    if line.startswith(b"#"):
                        waiting += line if number == 1 else b""
                    else:
                        waiting += b"%d%b" % (number, line[1:])
                    while len(waiting) >= _BLOCK:
                        out.write(_block(bytes(waiting[:_BLOCK]), quickly=True))
                        del waiting[:_BLOCK]
        out.write(_block(bytes(waiting)))
        out.write(_END)
    return target


def write_reference(path: Path, target: Path) -> Path:
    """A FASTA, with its index, of contig 1 that has the file's reference alleles."""
    bases = bytearray(b"A") * LENGTH
    with igzip.open(path) as file:
        for line in file:
            if not line.startswith(b"#"):
                _, position, _, allele, _ = line.split(b"\t", 4)
                bases[int(position) - 1 : int(position) - 1 + len(allele)] = allele
    target.write_bytes(b">1\n" + bases + b"\n")
    Path(f"{target}.fai").write_text(f"1\t{LENGTH}\t3\t{LENGTH}\t{LENGTH + 1}\n")
    return target
