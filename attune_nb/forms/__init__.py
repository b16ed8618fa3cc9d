"""The fields of a form as plain data, whatever draws it, and the values of what a person enters."""
