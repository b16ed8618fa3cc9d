"""Checks of a loaded workflow: its flow, its names, what it reads before it exists."""
