"""What a user holds after a run: its record, as objects and as DataFrames."""
