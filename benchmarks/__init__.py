"""Measurements as code; their results are committed under results/."""
