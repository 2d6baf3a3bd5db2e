"""A call set is looked at whole, file by file, before anything is computed from it."""

import hashlib
from dataclasses import dataclass

from user_code.genomics.domain import genotype_blocks, long_form
from user_code.genomics.domain.call_set import CallSet
from user_code.genomics.domain.integrity import FileFacts, inspect_file
from user_code.genomics.domain.refusals import RefusedInputError


class InputChangedError(RuntimeError):
    """A file was written to while it was read. Trying again helps."""


@dataclass(frozen=True)
class Inspected:
    """A call set whose every byte was looked at; `sha256` of each file, in reading order.

    `state` is size and time (ns) of each file when that began.
    """

    call_set: CallSet
    sha256: tuple[str, ...]
    files: tuple[FileFacts, ...]  # empty for the long form
    state: tuple[tuple[int, int], ...]

    @property
    def samples(self) -> tuple[str, ...]:
        return self.files[0].samples if self.files else ()

    @property
    def joint_sha256(self) -> str:
        return joint_sha256(self.sha256)

    def has_changed(self) -> bool:
        """Whether a file has another size or time than when the inspection began."""
        return state_of(self.call_set) != self.state


def joint_sha256(sha256: tuple[str, ...]) -> str:
    """Checksum of the one file, or of the lines of the files' checksums."""
    return sha256[0] if len(sha256) == 1 else hashlib.sha256("\n".join(sha256).encode()).hexdigest()


def inspect_call_set(call_set: CallSet, most_bytes: float = 1e12) -> Inspected:
    """Checksum and check all files, each of at most `most_bytes` when decompressed.

    Raises RefusedInputError, before anything is computed.
    """
    state = state_of(call_set)
    if call_set.is_long_form:
        return Inspected(call_set, tuple(long_form.checksum(call_set.files)), (), state)
    files = tuple(inspect_file(path, most_bytes) for path in call_set.files)
    check_files(call_set, files)
    return Inspected(call_set, tuple(facts.sha256 for facts in files), files, state)


def check_files(call_set: CallSet, files: tuple[FileFacts, ...]) -> None:
    """Whether the files, each sound, fit their indices and each other; else RefusedInputError."""
    for path, facts in zip(call_set.files, files, strict=True):
        indexed = genotype_blocks.indexed_records(path)
        if indexed not in (None, facts.n_records):
            raise RefusedInputError(
                path.name,
                f"it has {facts.n_records} records, and its index counts {indexed}",
                "It was cut, or the index is another version's: copy both again, or index it anew.",
            )
        if facts.samples != files[0].samples:
            raise RefusedInputError(
                path.name, "its samples aren't those of the first file", "Use the same, in order."
            )
        if {facts.contig_naming, files[0].contig_naming} == {"chr", "plain"}:
            raise RefusedInputError(
                path.name, "it names contigs otherwise than the first file", "Use one style."
            )
        if len({known.genome_build for known in (facts, files[0])} - {None}) > 1:
            raise RefusedInputError(
                path.name,
                f"its contigs are {facts.genome_build}'s, those of the first file "
                f"{files[0].genome_build}'s",
                "One call set has one build: lift one over, or make two call sets.",
            )
    _check_order(call_set, files)


def _check_order(call_set: CallSet, files: tuple[FileFacts, ...]) -> None:
    """A contig goes on in the next file or comes once, so that no record is counted twice."""
    seen: set[str] = set()
    last_contig, last_position = "", 0
    for path, facts in zip(call_set.files, files, strict=True):
        if not facts.contigs:
            continue
        goes_on = facts.contigs[0] == last_contig and facts.first_position >= last_position
        again = seen & set(facts.contigs[1:] if goes_on else facts.contigs)
        if again:
            raise RefusedInputError(
                path.name,
                f"contig {min(again)} is in an earlier file, too, up to a later position",
                "Remove the file that is there twice, or name the files in the records' order.",
            )
        seen.update(facts.contigs)
        last_contig, last_position = facts.contigs[-1], facts.last_position


def state_of(call_set: CallSet) -> tuple[tuple[int, int], ...]:
    """Size and time (ns) of each file."""
    stats = [path.stat() for path in call_set.files]
    return tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)
