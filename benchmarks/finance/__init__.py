"""Reading large feeds, beside DuckDB, pandas and Polars."""
