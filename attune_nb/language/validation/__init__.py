"""JSON Schema validation of parameters and answers."""
