"""The workflow language: strict YAML, the model, checks, export."""
