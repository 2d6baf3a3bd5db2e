"""How all pictures of this domain look: one size, one style, PNG bytes."""

import io
from typing import Any

PASS, ODD = "#2a6f97", "#e07a5f"


def new_axes(title: str, x: str, y: str) -> Any:
    """Axes on a figure of its own, 800 × 400 pixels."""
    # matplotlib takes half a second to import, and only runs draw.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), dpi=100)
    # The layout that measures all texts costs more than all else of a picture.
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.13, top=0.91)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def to_png(axes: Any) -> bytes:
    """The picture; the same bytes for the same data."""
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
