"""Help for people: the reference and the arguments of actions, as text, HTML and Markdown."""
