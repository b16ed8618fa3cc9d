"""The fields of a form as plain data for any page, and the values that a person enters."""
