"""The data of a run's pictures and tables in its page, read from the store."""
