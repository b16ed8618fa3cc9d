"""The HTTP interface: routes, access, pages, commands, and its description."""
