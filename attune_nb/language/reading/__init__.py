"""YAML to the model, one module per kind of section."""
