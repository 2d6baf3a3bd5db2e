"""Runs the kernel over one chunk of text: arrays for the numbers, lists for the names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from user_code.genomics.domain import scan_kernel as kernel
from user_code.genomics.domain.format_layouts import FormatLayouts
from user_code.genomics.domain.high_quality import AdjRule
from user_code.genomics.domain.text_chunks import PADDING, TextChunk, UnusualError


@dataclass(frozen=True)
class Rules:
    """What holds for all rows of a file: which fields decide on high quality, and the limits."""

    n_samples: int
    layouts: FormatLayouts
    adj: AdjRule
    adj_fields: tuple[bool, bool, bool]  # GQ, DP, AD with DP
    pseudoautosomal: NDArray[np.int64]  # [regions, 2]
    genotypes: bool  # whether copies of alt by sample are asked for


class SampleCounts:
    """What chunks add up by sample; one object is used by one chunk at a time."""

    def __init__(self, n_samples: int) -> None:
        self.samples = np.zeros((kernel.N_SAMPLE_ROWS, n_samples), np.int64)
        self.expected = np.zeros((2, n_samples))
        self.totals = np.zeros(3, np.int64)
        self.expected_totals = np.zeros(2)
        self.events = np.zeros((7, n_samples), np.int64)


@dataclass(frozen=True)
class ScannedChunk:
    """`heads`: the first seven columns of each record, one after the other."""

    heads: list[str]
    records: NDArray[np.int64]
    quals: NDArray[np.float64]
    variants: NDArray[np.int64]
    copies: NDArray[np.int8]


@dataclass(frozen=True)
class ScannedText:
    """What was counted in a chunk's whole rows, and the parts of rows before and behind them.

    `head` ends the row that the chunk before began; without any line end it is the whole chunk.
    """

    head: bytes
    scanned: list[ScannedChunk]
    tail: bytes

    @property
    def ends_a_row(self) -> bool:
        return self.head.endswith(b"\n")


def scan_text(
    chunk: TextChunk, buffer: bytearray, rules: Rules, counts: SampleCounts
) -> ScannedText:
    """Decompress a chunk into `buffer`, which grows if it has to, and count its whole rows.

    Raises UnusualError.
    """
    missing = chunk.n_text + len(PADDING) - len(buffer)
    if missing > 0:
        buffer.extend(bytes(missing))
    chunk.expand(buffer)
    start = buffer.find(b"\n", chunk.skip, chunk.n_text) + 1
    if not start:
        return ScannedText(bytes(buffer[chunk.skip : chunk.n_text]), [], b"")
    end = buffer.rfind(b"\n", 0, chunk.n_text) + 1
    return ScannedText(
        bytes(buffer[chunk.skip : start]),
        scan_rows(buffer, start, end, rules, counts),
        bytes(buffer[end : chunk.n_text]),
    )


def scan_row(row: bytes, rules: Rules, counts: SampleCounts) -> list[ScannedChunk]:
    """Count one row, which ends in a line end; raises UnusualError."""
    return scan_rows(bytearray(row + PADDING), 0, len(row), rules, counts)


def scan_rows(
    text: bytearray, at: int, end: int, rules: Rules, counts: SampleCounts
) -> list[ScannedChunk]:
    """Count all rows in text[at:end]; raises UnusualError at what the kernel doesn't read."""
    # Of bytes it would be a read-only array, another type, for which all is compiled once more.
    buffer = np.frombuffer(text, np.uint8)
    adj = rules.adj
    limits = np.array([adj.min_gq, adj.min_dp, adj.min_dp_haploid, adj.min_allele_balance])
    fields = np.array(rules.adj_fields)
    rows = (end - at) // (2 * rules.n_samples + 18) + 1
    found: list[ScannedChunk] = []
    last = np.array([0, 0, -1], np.int64)
    while at < end:
        arrays = (
            np.zeros((rows, 7), np.int64),
            np.zeros(rows),
            np.zeros((rows + 100, kernel.N_VARIANT_COLUMNS), np.int64),
        )
        copies = np.zeros((rows + 100, rules.n_samples) if rules.genotypes else (1, 0), np.int8)
        n_records = n_variants = 0
        status = kernel.NEW_FORMAT
        while status == kernel.NEW_FORMAT:
            status, at, n_records, n_variants = kernel.scan_rows(
                buffer, at, end, rules.n_samples, *rules.layouts.arrays, limits, fields,
                rules.pseudoautosomal, *arrays, counts.samples, counts.expected, counts.totals,
                counts.expected_totals, copies, n_records, n_variants, counts.events, last,
            )  # fmt: skip
            if status == kernel.NEW_FORMAT:
                rules.layouts.add(bytes(text[at : text.index(b"\n", at)]).split(b"\t", 9)[8])
        if status == kernel.UNUSUAL:
            raise UnusualError("a row that the kernel doesn't read")
        records = arrays[0][:n_records]
        found.append(
            ScannedChunk(
                _heads(buffer, records),
                # Copies, without the room that was not needed.
                records.copy(),
                arrays[1][:n_records].copy(),
                arrays[2][:n_variants].copy(),
                copies[: n_variants if rules.genotypes else 0].copy(),
            )
        )
    return found


def _heads(buffer: NDArray[np.uint8], records: NDArray[np.int64]) -> list[str]:
    size = int((records[:, kernel.FILTER] - records[:, kernel.HEAD]).sum())
    heads = np.empty(size, np.uint8)
    kernel.copy_heads(buffer, records, len(records), heads)
    return heads.tobytes().decode("ascii").split("\t")[:-1]
