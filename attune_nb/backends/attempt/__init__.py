"""Jobs, calls of actions and columns of results: the parts that every backend uses."""
