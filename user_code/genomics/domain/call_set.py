"""A call set as it lies in the landing zone: one file, or a folder of files of one form."""

import re
from dataclasses import dataclass
from pathlib import Path

from user_code.genomics.domain.refusals import RefusedInputError

VCF_SUFFIXES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
PARQUET_SUFFIX = ".parquet"
COMPLETE_MARK = "_COMPLETE"
_SUFFIX = re.compile(r"\.(vcf|vcf\.gz|vcf\.bgz|bcf|parquet)$")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


@dataclass(frozen=True)
class CallSet:
    """A call set's name and its files, in reading order (chromosomes count naturally)."""

    name: str
    files: tuple[Path, ...]

    @property
    def is_long_form(self) -> bool:
        return self.files[0].name.endswith(PARQUET_SUFFIX)


def call_set_name(path: str) -> str | None:
    """The call set that a path relative to landing/genomics belongs to; None if to none.

    An index beside a file belongs to the file's call set.

    >>> call_set_name("cohort.vcf.gz"), call_set_name("families"), call_set_name("notes.txt")
    ('cohort', 'families', None)
    """
    name = re.sub(r"\.(tbi|csi)$", "", path.strip("/"))
    if _SUFFIX.search(name):
        name = _SUFFIX.sub("", name)
    elif re.search(r"\.[A-Za-z]{1,4}$", name):
        return None
    return name if _NAME.fullmatch(name) else None


def open_call_set(path: Path) -> CallSet:
    """The call set at a path: a VCF, VCF.gz, BCF or Parquet file, or a folder of such files.

    Raises RefusedInputError for a missing path, an unknown suffix, an empty or mixed folder.
    """
    if path.is_dir():
        files = sorted(
            (file for file in path.iterdir() if file.is_file() and _SUFFIX.search(file.name)),
            key=lambda file: _natural(file.name),
        )
        if not files:
            raise RefusedInputError(
                path.name, "the folder holds no VCF, BCF or Parquet file", "Put the files into it."
            )
        if len({file.name.endswith(PARQUET_SUFFIX) for file in files}) > 1:
            raise RefusedInputError(
                path.name,
                "the folder mixes Parquet with VCF or BCF",
                "Split it into two call sets.",
            )
        return CallSet(path.name, tuple(files))
    if not path.exists():
        raise RefusedInputError(str(path), "there is no such file", "Check the path.")
    if not _SUFFIX.search(path.name):
        raise RefusedInputError(
            path.name,
            "not a form that is known",
            "Name it .vcf, .vcf.gz, .vcf.bgz, .bcf or .parquet.",
        )
    return CallSet(_SUFFIX.sub("", path.name), (path,))


def find_call_set(folder: Path, name: str) -> CallSet:
    """The call set called `name` in a landing folder; a second file of that name is refused."""
    candidates = [folder / name] if (folder / name).is_dir() else []
    for suffix in (*VCF_SUFFIXES, PARQUET_SUFFIX):
        if (file := folder / f"{name}{suffix}").is_file():
            candidates.append(file)
    if not candidates:
        raise RefusedInputError(
            name, "its file is no longer in the landing zone", "Put it there again."
        )
    if len(candidates) > 1:
        found = ", ".join(candidate.name for candidate in candidates)
        raise RefusedInputError(
            name, f"several inputs claim this name ({found})", "Keep one, rename the others."
        )
    return open_call_set(candidates[0])


def landed_paths(folder: Path, name: str) -> list[Path]:
    """All that lies in a landing folder under a call set's name, indexes included."""
    files = (f"{name}{suffix}" for suffix in (*VCF_SUFFIXES, PARQUET_SUFFIX))
    indexed = (f"{file}{index}" for file in files for index in ("", ".tbi", ".csi"))
    return [path for entry in (name, *indexed) if (path := folder / entry).exists()]


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
