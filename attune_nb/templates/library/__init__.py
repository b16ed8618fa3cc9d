"""The functions, filters, tests and methods that an expression can call."""
