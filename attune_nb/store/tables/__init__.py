"""The tables of a store: files beside it, which its records refer to."""
