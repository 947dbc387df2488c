"""The multi-task search for a pruning policy that holds on assistants which it has never seen."""
