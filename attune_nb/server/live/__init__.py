"""The states of runs as clients watch them: read from the store, folded, and sent."""
