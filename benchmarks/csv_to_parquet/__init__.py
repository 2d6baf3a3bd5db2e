"""`python -m benchmarks.csv_to_parquet`: a CSV larger than a run should hold, and pandas."""
