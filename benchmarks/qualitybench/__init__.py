"""Methods compared on real data: what is run, how it is measured, what comes of it."""
