"""The values that tasks exchange: frozen data, secrets, previews. Imports nothing of ours."""
