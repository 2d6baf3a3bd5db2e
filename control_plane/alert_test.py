"""`python -m control_plane.alert_test`: a test message through every channel, and what each says.

Touches no alert and no warehouse. Exit code 0 if every channel took it.
"""

from __future__ import annotations

import sys

from control_plane.alert_channels import channels
from control_plane.settings import Settings, settings


def try_all(here: Settings) -> tuple[list[str], bool]:
    """One line for each channel, without any secret; and whether all took the message."""
    to = channels(here.alert_urls)
    if not to:
        return [
            "No channel: put Apprise URLs into ASSAY_ALERT_URLS in .env, then `make up`."
        ], False
    lines, fine = [], True
    for channel in to:
        error = channel.send(
            f"[{here.project}] test of the alert channels",
            "This is a test: somebody wants to know whether alerts arrive here. They do.",
            "info",
        )
        lines.append(f"{channel.name}: " + (f"refused: {error}" if error else "taken"))
        fine = fine and error is None
    return lines, fine


def main() -> int:
    """Print what each channel said; 0 if all took it."""
    lines, fine = try_all(settings())
    print("\n".join(lines))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
