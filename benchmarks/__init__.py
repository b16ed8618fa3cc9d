"""Measurements: ratios in one run, medians, both sides for real."""
