"""Processes that are killed at chosen moments, and what becomes of their work."""
