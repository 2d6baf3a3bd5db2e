"""A made-up cohort: 50 samples × 2,000 sites, with the flaws that a quality control must find.

No real person or genome is in it: positions, bases and genotypes all come from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SAMPLES = tuple(f"DEMO{number:03d}" for number in range(1, 51))
VARIANTS = 2_000

# Sequenced too shallowly: half the depth, low confidence, every third genotype missing.
POOR_SAMPLES = frozenset({"DEMO013", "DEMO029", "DEMO044"})

# Lengths of GRCh38, so that tools which check positions against the header are content.
CONTIGS = {"chr20": 64_444_167, "chr21": 46_709_983, "chr22": 50_818_468}

LOW_QUALITY_SHARE = 0.12
MULTIALLELIC_SHARE = 0.03
# One base more or one less, half of them each.
INDEL_SHARE = 0.06
BASES = "ACGT"


@dataclass(frozen=True)
class Site:
    """One line's fixed part; ``frequencies`` has one entry for each alternative allele."""

    contig: str
    position: int
    reference: str
    alternatives: tuple[str, ...]
    frequencies: tuple[float, ...]
    quality_phred: float

    @property
    def is_low_quality(self) -> bool:
        return self.quality_phred < 30


def vcf_text(seed: int) -> str:
    """The whole cohort as VCF 4.2 text, sorted by contig and position."""
    rng = random.Random(f"{seed}:cohort")
    lines = [*_header(), *(_line(rng, site) for site in _sites(rng))]
    return "\n".join(lines) + "\n"


def _header() -> Iterator[str]:
    yield "##fileformat=VCFv4.2"
    yield "##source=assay-samples (made up, no real genome)"
    for contig, length in CONTIGS.items():
        yield f"##contig=<ID={contig},length={length}>"
    yield '##FILTER=<ID=PASS,Description="All filters passed">'
    yield '##FILTER=<ID=LowQual,Description="Site quality below 30">'
    yield '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth over all samples">'
    yield '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'
    yield '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth by allele">'
    yield '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">'
    yield '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality, phred">'
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    yield "\t".join([*columns, *SAMPLES])


def _sites(rng: random.Random) -> Iterator[Site]:
    names = list(CONTIGS)
    share = VARIANTS // len(names)
    counts = [share] * (len(names) - 1) + [VARIANTS - share * (len(names) - 1)]
    for contig, count in zip(names, counts, strict=True):
        for position in sorted(rng.sample(range(10_000, CONTIGS[contig] - 10_000), count)):
            yield _site(rng, contig, position)


def _site(rng: random.Random, contig: str, position: int) -> Site:
    reference, *others = rng.sample(BASES, 4)
    alternatives: tuple[str, ...] = (others[0],)
    draw = rng.random()
    if draw < MULTIALLELIC_SHARE:
        alternatives = (others[0], others[1])
    elif draw < MULTIALLELIC_SHARE + INDEL_SHARE / 2:
        alternatives = (reference + others[0],)
    elif draw < MULTIALLELIC_SHARE + INDEL_SHARE:
        reference, alternatives = reference + others[0], (reference,)
    # Many rare alleles and few common ones, as in a real cohort.
    frequencies = tuple(10 ** rng.uniform(-2.2, -0.35) for _ in alternatives)
    is_low = rng.random() < LOW_QUALITY_SHARE
    quality = rng.uniform(3, 29.4) if is_low else rng.uniform(60, 900)
    return Site(contig, position, reference, alternatives, frequencies, round(quality, 1))


def _line(rng: random.Random, site: Site) -> str:
    total_depth = 0
    genotypes = []
    for sample in SAMPLES:
        depth, text = _genotype(rng, site, is_poor=sample in POOR_SAMPLES)
        total_depth += depth
        genotypes.append(text)
    fixed = [
        site.contig,
        str(site.position),
        ".",
        site.reference,
        ",".join(site.alternatives),
        f"{site.quality_phred:.1f}",
        "LowQual" if site.is_low_quality else "PASS",
        f"DP={total_depth}",
        "GT:AD:DP:GQ",
    ]
    return "\t".join([*fixed, *genotypes])


def _genotype(rng: random.Random, site: Site, *, is_poor: bool) -> tuple[int, str]:
    """One sample's depth and its ``GT:AD:DP:GQ`` text."""
    missing_share = 0.35 if is_poor else 0.25 if site.is_low_quality else 0.01
    if rng.random() < missing_share:
        return 0, "./.:.:.:."
    alleles = sorted((_allele(rng, site.frequencies), _allele(rng, site.frequencies)))
    depth = max(1, round(rng.gauss(9 if is_poor else 30, 3 if is_poor else 6)))
    by_allele = _depth_by_allele(rng, alleles, depth, n_alleles=len(site.alternatives) + 1)
    confidence = 12 if is_poor or site.is_low_quality else 60
    quality = min(99, max(1, round(rng.gauss(confidence, confidence / 4))))
    depths = ",".join(map(str, by_allele))
    return depth, f"{alleles[0]}/{alleles[1]}:{depths}:{depth}:{quality}"


def _allele(rng: random.Random, frequencies: Sequence[float]) -> int:
    draw = rng.random()
    for number, frequency in enumerate(frequencies, start=1):
        if draw < frequency:
            return number
        draw -= frequency
    return 0


def _depth_by_allele(
    rng: random.Random, alleles: Sequence[int], depth: int, *, n_alleles: int
) -> list[int]:
    counts = [0] * n_alleles
    # Reads of a heterozygote fall on both alleles about evenly.
    first = sum(rng.random() < 0.5 for _ in range(depth)) if alleles[0] != alleles[1] else depth
    counts[alleles[0]] += first
    counts[alleles[1]] += depth - first
    return counts
