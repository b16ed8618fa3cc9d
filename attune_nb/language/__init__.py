"""Text to `Workflow`: careful YAML, the model, and all that can be known to be wrong."""
