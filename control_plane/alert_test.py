"""`python -m control_plane.alert_test`: a test message through every channel, and what each says.

Touches no alert and no warehouse. Exit code 0 if every channel took it.
"""

from __future__ import annotations

import sys

from control_plane.alert_channels import channels
from control_plane.alert_routes import RoutesError, read_routes
from control_plane.settings import Settings, SettingsError, settings


def try_all(here: Settings) -> tuple[list[str], bool]:
    """One line for each channel, without any secret; and whether all took the message."""
    to = channels(here.alert_urls)
    if not to:
        return ["No channel: give it Apprise URLs with `make secret SECRET=alert_urls`."], False
    lines, fine = [], True
    for channel in to:
        error = channel.send(
            f"[{here.project}] test of the alert channels",
            "This is a test: somebody wants to know whether alerts arrive here. They do.",
            "info",
            {"delivery": f"{here.project}:test", "key": "test", "change": "test"},
        )
        tags = f" {','.join(channel.tags)}" if channel.tags else ""
        lines.append(f"{channel.name}{tags}: " + (f"refused: {error}" if error else "taken"))
        fine = fine and error is None
    try:
        routes = read_routes(here.alerts_folder / "routes.yaml", to)
    except RoutesError as error:
        return [
            *lines,
            f"every alert goes to all channels, for the routes are wrong: {error}",
        ], False
    if routes:
        lines.append(f"{len(routes)} routes are understood")
    return lines, fine


def main() -> int:
    """Print what each channel said; 0 if all took it."""
    try:
        lines, fine = try_all(settings())
    except SettingsError as error:
        lines, fine = [str(error)], False
    print("\n".join(lines))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
