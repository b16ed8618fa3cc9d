"""What becomes of a workflow that is run: linked, prepared, carried, recorded, gone on with."""
