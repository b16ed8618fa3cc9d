"""The outputs of a run in a notebook or terminal: panels, widgets, forms."""
