"""A page for people that needs nothing else: one HTML file, style and pictures included.

Nothing but text in and text out, so that domain code may use it. Texts are escaped here; what is
HTML already is called `body`.
"""

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:860px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em}svg,img{max-width:100%;height:auto}
table{border-collapse:collapse}td,th{padding:.2em .8em .2em 0;text-align:left;vertical-align:top;
border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}
td.d{color:#666;font-size:.9em}
"""


def html_page(title: str, heading: str, body: str) -> str:
    """The whole document."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{html.escape(heading)}</h1>{body}</body></html>\n"
    )


def facts_table(facts: Iterable[tuple[str, object, str]]) -> str:
    """A row for each: what it is, its value, and what that means in words."""
    cells = "".join(
        f'<tr><td>{html.escape(key)}</td><td class="n">{shown(value)}</td>'
        f'<td class="d">{html.escape(text)}</td></tr>'
        for key, value, text in facts
    )
    return f"<table>{cells}</table>"


def rows_table(names: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table with a head; each row has a value for each name."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    cells = "".join(
        "<tr>" + "".join(f"<td>{shown(value)}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{cells}</table>"


def inline_png(picture: bytes, alt: str) -> str:
    """The picture within the page."""
    text = b64encode(picture).decode("ascii")
    return f'<p><img alt="{html.escape(alt)}" src="data:image/png;base64,{text}"></p>'


def shown(value: object) -> str:
    """A value as a person reads it: – for none, thousands apart, four digits of a fraction."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))
