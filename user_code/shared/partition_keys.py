"""Which partition keys are allowed. A key becomes a file's name: it is checked before any path is.

Dagster itself takes any string, and `../../x` would write outside the data folder.
"""

from __future__ import annotations

import re

_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class PartitionKeyError(ValueError):
    """A partition key that may not become a file name."""


def check_partition_key(key: str) -> str:
    """`key` itself if it is safe as a file name, else PartitionKeyError."""
    if not isinstance(key, str) or not _ALLOWED.fullmatch(key):
        shown = repr(key) if len(str(key)) <= 60 else f"{str(key)[:60]!r}… ({len(str(key))} long)"
        raise PartitionKeyError(
            f"partition key {shown} is refused: use 1 to 120 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit (rename the file that it comes from)"
        )
    return key
