"""Counts variants that a sorted stream of rows names more than once."""

import polars as pl


class DuplicateCounter:
    """Fed block by block; remembers the last position's variants alone."""

    def __init__(self) -> None:
        self.n = 0
        self._last = pl.DataFrame(schema={"chrom": pl.String, "pos": pl.Int64, "id": pl.String})

    def add(self, analysis: pl.DataFrame) -> None:
        """Rows of variant_analysis that follow those before; `n` counts every repetition."""
        if analysis.is_empty():
            return
        rows = analysis.select("chrom", "pos", pl.col("variant_id").alias("id"))
        known = self._last
        both = pl.concat([known, rows])
        self.n += rows.height - (both["id"].n_unique() - known.height)
        chrom, pos = rows["chrom"][-1], rows["pos"][-1]
        self._last = both.filter(chrom=chrom, pos=pos).unique("id")
