"""The rows of a VCF as chunks of whole lines, decompressed on two threads, hashed on the way."""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from isal import isal_zlib

from user_code.genomics.domain import compressed_stream
from user_code.genomics.domain.compressed_stream import BGZF_END, CompressedStream

CHUNK_BYTES = 1 << 22
PADDING = bytes(8)  # behind each chunk, so that its reader may look ahead
_BLOCKS = 64  # of at most 64 KiB each, decompressed as one task
_AHEAD = 4


class UnusualError(Exception):
    """The fast reader leaves this call set to the general one, which may well refuse it."""


class TextChunks:
    """Iterates over a file's rows: bytes of whole lines, PADDING behind them.

    Whatever is wrong with the file raises UnusualError. `sha256` is that of the whole file once
    the last chunk was taken.
    """

    def __init__(self, path: Path, skip: int, most_bytes: float, pool: ThreadPoolExecutor) -> None:
        self._path, self._skip, self._most_bytes, self._pool = path, skip, most_bytes, pool
        self.n_bytes = path.stat().st_size
        self.n_read = 0  # of n_bytes
        self.sha256 = ""

    def __iter__(self) -> Iterator[bytes]:
        skip, expanded, rest = self._skip, 0, b""
        for pieces in self._pieces():
            expanded += sum(map(len, pieces))
            if expanded > self._most_bytes:
                raise UnusualError("expands to more than the limit")
            while skip and pieces:
                taken = min(skip, len(pieces[0]))
                pieces[0] = pieces[0][taken:]
                skip -= taken
                if not pieces[0]:
                    pieces.pop(0)
            text = b"".join([rest, *pieces])
            end = text.rfind(b"\n") + 1
            if len(text) - end >= compressed_stream.MOST_ROW_BYTES:
                raise UnusualError("a row without end")
            rest = text[end:]
            if end:
                yield text[:end] + PADDING
        if rest:
            raise UnusualError("the last line has no line end")

    def _pieces(self) -> Iterator[list[bytes]]:
        with CompressedStream(self._path, self._most_bytes) as stream:
            is_bgzf = stream.is_bgzf
            if not is_bgzf:
                while piece := stream.read(CHUNK_BYTES):
                    yield [piece]
                self.sha256 = stream.sha256()
        if is_bgzf:
            yield from self._inflated()

    def _inflated(self) -> Iterator[list[bytes]]:
        waiting: deque[Future[list[bytes]]] = deque()
        for blocks in self._blocks():
            waiting.append(self._pool.submit(_inflate, blocks))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _blocks(self) -> Iterator[list[bytes]]:
        """Compressed BGZF blocks, some at a time."""
        digest = hashlib.sha256()
        group: list[bytes] = []
        rest = b""
        with self._path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                self.n_read += len(piece)
                data, at = rest + piece, 0
                while len(data) - at >= 18:
                    # One extra field, BC: what all writers of BGZF write.
                    if data[at : at + 4] != b"\x1f\x8b\x08\x04" or (
                        data[at + 10 : at + 16] != b"\x06\x00BC\x02\x00"
                    ):
                        raise UnusualError("not a BGZF block")
                    size = int.from_bytes(data[at + 16 : at + 18], "little") + 1
                    if size < len(BGZF_END) - 2:
                        raise UnusualError("a BGZF block too short")
                    if len(data) - at < size:
                        break
                    group.append(data[at : at + size])
                    at += size
                    if len(group) == _BLOCKS:
                        yield group
                        group = []
                rest = data[at:]
        if rest:
            raise UnusualError("cut within a BGZF block")
        if group:
            yield group
        self.sha256 = digest.hexdigest()


def _inflate(blocks: list[bytes]) -> list[bytes]:
    """Decompress and check each block's length and checksum."""
    found = []
    for block in blocks:
        length = int.from_bytes(block[-4:], "little")
        try:
            inflated = isal_zlib.decompress(block[18:-8], -15, max(1, length))
        except isal_zlib.error as error:  # type: ignore[misc]  # declared as a value
            raise UnusualError("a damaged BGZF block") from error
        if len(inflated) != length or (
            isal_zlib.crc32(inflated) != int.from_bytes(block[-8:-4], "little")
        ):
            raise UnusualError("a damaged BGZF block")
        found.append(inflated)
    return found
