"""Files that name samples, one a line: those of a call set to keep, or to leave out."""

from pathlib import Path

from user_code.genomics.domain.export import choose_samples
from user_code.genomics.domain.inspection import Inspected
from user_code.genomics.domain.refusals import RefusedInputError


def listed_samples(
    inspected: Inspected, keep: Path | None, remove: Path | None
) -> list[str] | None:
    """The samples of the call set that are in `keep` and not in `remove`; None without a list.

    Raises RefusedInputError if a list can't be read, names samples that aren't in the call set, or
    none is left.
    """
    if keep is None and remove is None:
        return None
    return choose_samples(
        inspected, None if keep is None else _names(keep), [] if remove is None else _names(remove)
    )


def _names(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedInputError(
            path.name,
            f"the list of samples can't be read ({type(error).__name__})",
            "It has to be a text file with a sample's name on each line.",
        ) from None
    return [line.strip() for line in lines if line.strip()]
