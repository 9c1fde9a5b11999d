"""Whole runs: settings, stages, what they leave behind, and the model in use."""
