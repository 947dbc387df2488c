"""A report about a user's own assistant, as one page that needs nothing else."""
