"""Where attempts run. A backend knows attempts, not workflows."""
