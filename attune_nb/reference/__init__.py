"""The reference: every word of the language with its meaning and an example."""
