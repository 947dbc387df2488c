"""What can be wrong with what a report is asked for."""


class ReportError(ValueError):
    """A report cannot be made of what was given. The message says the way out."""
