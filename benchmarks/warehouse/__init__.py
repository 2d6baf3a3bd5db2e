"""Writing a day to the warehouse, beside PostgreSQL's own COPY."""
