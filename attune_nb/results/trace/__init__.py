"""A run as a trace that Perfetto and Chrome can show."""
