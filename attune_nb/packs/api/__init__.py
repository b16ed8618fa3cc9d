"""The API that the processes of pack actions call while they run: keys, artifacts, questions."""
