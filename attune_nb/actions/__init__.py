"""What a task does: Python functions under a name."""
