"""The results of a run: as objects, as DataFrames and as text, from its events and its state."""
