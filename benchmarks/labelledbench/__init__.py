"""Parts of the benchmark of choices by a few labelled target rows."""
