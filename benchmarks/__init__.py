"""What isogloss is measured by, as scripts and as what they share."""
