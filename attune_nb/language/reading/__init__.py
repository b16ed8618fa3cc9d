"""YAML to the model, one kind of section a module."""
