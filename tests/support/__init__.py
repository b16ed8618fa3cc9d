"""Helpers that several test modules share: workflows, processes, clusters, browsers."""
