"""The picture of a quarantine: how many records for which reason.

Drawn as SVG by hand: every day's run has one, and a plotting library takes longer to load than a
day to read.
"""

from collections.abc import Mapping
from html import escape

_MOST_REASONS = 20
_LONGEST_REASON = 60
_WIDTH, _ROW, _BARS_FROM, _BARS_TO = 800, 24, 400, 720


def draw_quarantine(reasons: Mapping[str, int]) -> str:
    """Records by reason → SVG: a bar each, the most frequent first, at most twenty."""
    most_first = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))[:_MOST_REASONS]
    most = max((records for _, records in most_first), default=1)
    bars = []
    for number, (reason, records) in enumerate(most_first):
        top = 40 + _ROW * number
        width = max(1.0, (_BARS_TO - _BARS_FROM) * records / most)
        bars.append(
            f'<text x="{_BARS_FROM - 8}" y="{top + 13}" text-anchor="end">'
            f"{escape(reason[:_LONGEST_REASON])}</text>"
            f'<rect x="{_BARS_FROM}" y="{top}" width="{width:.1f}" height="18" fill="#e07a5f"/>'
            f'<text x="{_BARS_FROM + width + 6:.1f}" y="{top + 13}">{records:,}</text>'
        )
    height = 48 + _ROW * len(bars)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">'
        '<rect width="100%" height="100%" fill="white"/>'
        '<text x="10" y="22" font-size="16">Records in quarantine, by reason</text>'
        f"{''.join(bars)}</svg>"
    )
