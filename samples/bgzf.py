"""Writing BGZF, the blocked gzip that genomics tools expect of a ``.vcf.gz``.

A BGZF file is a row of gzip members of at most 64 KiB, each naming its own compressed size in an
extra field, closed by a fixed empty block. Readers use that empty block to tell a whole file
from a cut one (SAM specification, section 4.1).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

# Input per block. Below 64 KiB, so that even data that doesn't compress fits the size field.
BLOCK_BYTES = 0xFF00

END_MARKER = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def compress(data: bytes) -> bytes:
    """``data`` as a whole BGZF file, end marker included."""
    return b"".join(_blocks(data)) + END_MARKER


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), BLOCK_BYTES):
        chunk = data[start : start + BLOCK_BYTES]
        deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = deflater.compress(chunk) + deflater.flush()
        # gzip header with one extra subfield, "BC": the block's size in bytes, less one.
        header = struct.pack("<4BI2BH", 0x1F, 0x8B, 8, 4, 0, 0, 0xFF, 6)
        size_field = struct.pack("<2B2H", ord("B"), ord("C"), 2, len(body) + 25)
        yield header + size_field + body + struct.pack("<2I", zlib.crc32(chunk), len(chunk))
