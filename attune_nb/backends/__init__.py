"""The places where attempts run. A backend handles attempts, not workflows."""
