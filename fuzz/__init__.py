"""Coverage-guided fuzzing of what comes from outside: messages, archives, configs, data (``make fuzz``)."""
