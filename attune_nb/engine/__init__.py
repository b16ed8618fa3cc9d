"""The one loop: conductor, backend, readers."""
