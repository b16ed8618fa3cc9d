"""The compiler: from the text of a template to closures that take a scope and return a value."""
