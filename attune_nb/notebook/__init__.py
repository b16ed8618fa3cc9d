"""The magics and outputs for IPython and Jupyter, and the publishing of notebooks."""
