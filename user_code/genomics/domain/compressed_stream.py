"""Reads a file from its first to its last byte: checksum, decompression, form, end marker."""

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from user_code.genomics.domain.refusals import RefusedInputError

# The empty block that ends every BGZF file (SAM specification, 4.1.2).
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
# A row of 100,000 samples has a few MB. A row without end would fill the memory.
MOST_ROW_BYTES = 1 << 28
_ADVICE = "The file was probably cut in a copy: compare its size with the source and copy it again."


class _Hashing(io.RawIOBase):
    """Feeds all that is read through a SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        chunk = self._file.read(len(buffer))
        self.digest.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


class CompressedStream:
    """The decompressed bytes of a plain, gzipped or bgzipped file, read once and hashed.

    Raises RefusedInputError for an empty file, a BGZF file without its end marker (a cut at a
    block boundary leaves no other trace), and, while reading, for a cut or damaged gzip stream,
    for more than `most_bytes` decompressed, and for a row longer than MOST_ROW_BYTES.
    """

    def __init__(self, path: Path, most_bytes: float = float("inf")) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._expanded = 0
        self.n_bytes = path.stat().st_size
        if self.n_bytes == 0:
            raise RefusedInputError(path.name, "the file is empty", _ADVICE)
        with path.open("rb") as file:
            head = file.read(18)
            file.seek(max(0, self.n_bytes - len(BGZF_END)))
            tail = file.read()
        self.is_gzip = head[:2] == b"\x1f\x8b"
        self.is_bgzf = self.is_gzip and len(head) == 18 and head[3] & 4 and head[12:14] == b"BC"
        if self.is_bgzf and tail != BGZF_END:
            raise RefusedInputError(
                f"{path.name}, byte {self.n_bytes}", "the BGZF end marker is missing", _ADVICE
            )
        self._file = path.open("rb")
        self._hashing = _Hashing(self._file)
        raw = io.BufferedReader(cast(io.RawIOBase, self._hashing), 1 << 20)
        source = gzip.GzipFile(fileobj=raw) if self.is_gzip else raw
        self._raw = raw
        self._stream = io.BufferedReader(cast(io.RawIOBase, source), 1 << 20)

    def __enter__(self) -> "CompressedStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def readline(self) -> bytes:
        try:
            line = self._stream.readline(MOST_ROW_BYTES)
        except (EOFError, OSError, zlib.error) as error:
            raise self._damaged(error) from error
        return self._within_limits(line)

    def read(self, size: int) -> bytes:
        try:
            block = self._stream.read(min(size, MOST_ROW_BYTES))
        except (EOFError, OSError, zlib.error) as error:
            raise self._damaged(error) from error
        return self._within_limits(block)

    def peek(self, size: int) -> bytes:
        """The first bytes, without consuming them."""
        try:
            return self._stream.peek(size)[:size]
        except (EOFError, OSError, zlib.error) as error:
            raise self._damaged(error) from error

    def sha256(self) -> str:
        """Checksum of the whole file as landed; reads what is left of it."""
        while self._raw.read(1 << 20):
            pass
        return self._hashing.digest.hexdigest()

    def _within_limits(self, row: bytes) -> bytes:
        self._expanded += len(row)
        if len(row) >= MOST_ROW_BYTES:
            raise RefusedInputError(
                f"{self.path.name}, before byte {self._file.tell()}",
                f"one row is longer than {MOST_ROW_BYTES:,} bytes",
                "Check what was exported.",
            )
        if self._expanded > self._most_bytes:
            raise RefusedInputError(
                f"{self.path.name}, before byte {self._file.tell()}",
                f"it expands to more than {self._most_bytes / 1e9:g} GB",
                "If that is right, raise max_expanded_gb in the configuration of the run.",
            )
        return row

    def _damaged(self, error: Exception) -> RefusedInputError:
        how = "ends in the middle" if isinstance(error, EOFError) else "is damaged"
        return RefusedInputError(
            f"{self.path.name}, after byte {self._file.tell()}",
            f"the compressed stream {how}",
            _ADVICE,
        )
