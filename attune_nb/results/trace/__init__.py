"""A run as a trace that Perfetto opens."""
