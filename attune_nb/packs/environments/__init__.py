"""The interpreters of packs: found on this machine, or in an environment made for a pack."""
