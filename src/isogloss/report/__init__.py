"""What a run found, for people: the page of a run, its findings, pictures of class balances."""
