"""What can be wrong with a config that is to be migrated."""

from __future__ import annotations


class MigrationError(ValueError):
    """A config cannot be migrated. The message says where, why, and the way out."""
