"""The runs of a store for other programs and people: an extension of Jupyter Server."""
