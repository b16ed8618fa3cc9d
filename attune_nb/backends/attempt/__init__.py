"""What every backend needs: jobs, calls of actions, columns of results."""
