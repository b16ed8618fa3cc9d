"""The page of a run that answers questions: every attempt on a canvas, with its item and error."""
