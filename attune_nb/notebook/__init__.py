"""What a person types and sees in IPython and Jupyter."""
