"""Attempts on a Dask cluster."""
