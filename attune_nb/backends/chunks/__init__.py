"""Chunks of items for workers elsewhere: queue, sizes, messages, serialization."""
