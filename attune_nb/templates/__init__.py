"""Templates: strings with expressions, compiled once, evaluated for each item. No I/O."""
