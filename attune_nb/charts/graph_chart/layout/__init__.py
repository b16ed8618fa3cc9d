"""Where the boxes and links of a graph stand: no drawing, only places."""
