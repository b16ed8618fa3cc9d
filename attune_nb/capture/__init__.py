"""Capture of what actions print: each line with the attempt that wrote it."""
