"""Checks of a loaded workflow: its flow, its names, reads of results that cannot exist yet."""
