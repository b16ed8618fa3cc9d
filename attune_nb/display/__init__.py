"""What a person sees of a run in a notebook: panels, widgets, forms."""
