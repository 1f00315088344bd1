"""The parts of a check: what can be wrong with a commit, what its records alone tell, and what its remotes answer."""
