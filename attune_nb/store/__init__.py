"""The records of runs in SQLite: events to rows and back."""
