"""Capture of the output of actions: each line with the attempt that wrote it."""
