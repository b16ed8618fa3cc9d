"""The code that runs in worker processes. It imports little, and nothing at this level."""
