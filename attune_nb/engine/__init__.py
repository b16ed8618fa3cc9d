"""The loop between conductor, backend and readers."""
