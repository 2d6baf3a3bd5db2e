"""Measures what a run costs beyond its own work. Needs a Docker engine and Assay's images."""
