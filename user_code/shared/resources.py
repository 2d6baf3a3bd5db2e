"""The resources that assets ask for by name."""

from __future__ import annotations

from user_code.shared.publishing import Publisher


def default_resources() -> dict[str, Publisher]:
    """Resources by key. Making them reads no environment and connects to nothing."""
    return {"publisher": Publisher()}
