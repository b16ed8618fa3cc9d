"""The functions that tasks run: core actions and registered Python functions."""
