"""Read the files of a pack, and report every problem with its file, line and column."""
