"""Templates to Python closures: parse, resolve names, generate code."""
