"""Tables as bytes and back: DataFrames and Series of pandas, NumPy arrays, tables of Arrow."""
