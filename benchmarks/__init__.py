"""Measurements as ratios within one run, by medians, with both sides measured."""
