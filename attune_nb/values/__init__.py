"""The values that tasks exchange: frozen data, remote references, secrets, descriptions."""
