"""What runs in a worker process. Light: imports nothing here."""
