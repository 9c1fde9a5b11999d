"""isogloss: take a classifier from one language to another that has no labels."""
