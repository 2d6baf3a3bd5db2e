"""The rows of a VCF in chunks that can be decompressed apart from each other, hashed on the way."""

import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, isal_zlib

from user_code.genomics.domain.compressed_stream import BGZF_END, CompressedStream
from user_code.genomics.domain.refusals import RefusedInputError

# A chunk's text should fit into a core's cache.
CHUNK_BYTES = 1 << 21
BLOCKS = 32  # of at most 64 KiB of text each
_MOST_OF_BLOCK = 1 << 16
PADDING = bytes(8)  # behind a text, so that its reader may look ahead


class UnusualError(Exception):
    """The fast reader leaves this call set to the general one, which may well refuse it."""


@dataclass(frozen=True)
class TextChunk:
    """Some text of a file, `n_text` bytes; the first `skip` of them are the header's."""

    data: bytes
    is_compressed: bool
    n_text: int
    skip: int

    def expand(self, buffer: bytearray) -> None:
        """Write the text to the start of `buffer`; BGZF blocks' checksums are checked."""
        if not self.is_compressed:
            buffer[: self.n_text] = self.data
            return
        found = 0
        try:
            packed = io.BytesIO(self.data)
            with igzip.IGzipFile(fileobj=packed) as file:  # type: ignore[no-untyped-call]
                while read := file.readinto(memoryview(buffer)[found:]):
                    found += read
        # The last one is declared as a value.
        except (OSError, EOFError, zlib.error, isal_zlib.error) as error:  # type: ignore[misc]
            raise UnusualError("a damaged BGZF block") from error
        if found != self.n_text:
            raise UnusualError("a BGZF block of another length")


class TextChunks:
    """Iterates over what follows the first `skip` bytes, the header, of a file's text.

    Whatever is wrong with the file raises UnusualError. `sha256` is that of the whole file once
    the last chunk was taken.
    """

    def __init__(self, path: Path, skip: int, most_bytes: float) -> None:
        self._path, self._skip, self._most_bytes = path, skip, most_bytes
        self.n_bytes = path.stat().st_size
        self.n_read = 0  # of n_bytes
        self.sha256 = ""

    def __iter__(self) -> Iterator[TextChunk]:
        try:
            with CompressedStream(self._path, self._most_bytes) as stream:
                if not stream.is_bgzf:
                    while piece := stream.read(CHUNK_BYTES):
                        yield self._chunk(piece, False, len(piece))
                    self.sha256 = stream.sha256()
                    return
        except RefusedInputError as error:
            raise UnusualError("a stream that is refused") from error
        expanded = 0
        for data, n_text in self._blocks():
            expanded += n_text
            if expanded > self._most_bytes:
                raise UnusualError("expands to more than the limit")
            yield self._chunk(data, True, n_text)

    def _chunk(self, data: bytes, is_compressed: bool, n_text: int) -> TextChunk:
        skip = min(self._skip, n_text)
        self._skip -= skip
        return TextChunk(data, is_compressed, n_text, skip)

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Compressed BGZF blocks, some at a time, and how long their text is."""
        digest = hashlib.sha256()
        rest = b""
        with self._path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                self.n_read += len(piece)
                data = rest + piece
                start = at = n_blocks = n_text = 0
                while (end := _end_of_block(data, at)) <= len(data):
                    length = int.from_bytes(data[end - 4 : end], "little")
                    if length > _MOST_OF_BLOCK:
                        raise UnusualError("a BGZF block too long")
                    n_text += length
                    n_blocks += 1
                    at = end
                    if n_blocks == BLOCKS:
                        yield data[start:at], n_text
                        start, n_blocks, n_text = at, 0, 0
                if n_blocks:
                    yield data[start:at], n_text
                rest = data[at:]
        if rest:
            raise UnusualError("cut within a BGZF block")
        self.sha256 = digest.hexdigest()


def _end_of_block(data: bytes, at: int) -> int:
    """Where the BGZF block at `at` ends; beyond the end of `data` if that has no whole one."""
    if len(data) - at < 18:
        return len(data) + 1
    # One extra field, BC: what all writers of BGZF write.
    if data[at : at + 4] != b"\x1f\x8b\x08\x04" or (
        data[at + 10 : at + 16] != b"\x06\x00BC\x02\x00"
    ):
        raise UnusualError("not a BGZF block")
    size = int.from_bytes(data[at + 16 : at + 18], "little") + 1
    if size < len(BGZF_END) - 2:
        raise UnusualError("a BGZF block too short")
    return at + size
