"""Random and mutated files thrown at every reader of isogloss."""
