"""What the kernel has to know of each FORMAT column: which field is which."""

import re
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from user_code.genomics.domain import scan_kernel as kernel
from user_code.genomics.domain.text_chunks import UnusualError

_FIELD = re.compile(r"^##FORMAT=<ID=([^,>]+),Number=([^,>]+),Type=([A-Za-z]+),", re.MULTILINE)
_MOST_FIELDS = 32
_TYPES = {"Integer": kernel.INTEGERS, "Float": kernel.FLOATS, "String": kernel.TEXT}


class FormatLayouts:
    """The FORMAT columns seen so far, as arrays; grows as new ones come, from any thread."""

    def __init__(self, header: str) -> None:
        self._types: dict[str, str] = {}
        for name, _, kind in _FIELD.findall(header):
            if name in self._types:
                raise UnusualError("a FORMAT field is declared twice")
            self._types[name] = kind
        self._known: list[bytes] = []
        self._lock = Lock()
        self.arrays = self._arrays([])

    def add(self, column: bytes) -> None:
        """Raises UnusualError for one that the kernel can't read."""
        roles = self._roles(column.decode("ascii", "replace").split(":"))
        with self._lock:
            if column not in self._known:
                self._known.append(column)
                earlier = self.arrays[2][: len(self._known) - 1]
                self.arrays = self._arrays([*earlier.tolist(), roles])

    def _roles(self, names: list[str]) -> list[int]:
        if names[0] != "GT" or len(set(names)) < len(names) or len(names) > _MOST_FIELDS:
            raise UnusualError("FORMAT without GT in front, or with a field twice")
        roles = []
        for name in names:
            kind = self._types.get(name)
            if name in ("DP", "GQ", "AD") and kind == "Integer":
                roles.append({"DP": kernel.DP, "GQ": kernel.GQ, "AD": kernel.AD}[name])
            elif name == "GT" and kind == "String":
                roles.append(kernel.GT)
            elif kind in _TYPES and name not in ("DP", "GQ", "AD", "GT"):
                roles.append(_TYPES[kind])
            else:
                raise UnusualError("a FORMAT field that isn't declared, or not as usual")
        return roles + [-1] * (_MOST_FIELDS + 1 - len(roles))

    def _arrays(
        self, roles: list[list[int]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        text = b"".join(self._known)
        starts = np.cumsum([0, *map(len, self._known)]).astype(np.int64)
        table = np.array(roles, np.int64).reshape(-1, _MOST_FIELDS + 1)
        return np.frombuffer(text or b"\0", np.uint8), starts, table
