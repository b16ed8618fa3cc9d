"""The process of a pack's action: its parameters, its environment, its output."""
