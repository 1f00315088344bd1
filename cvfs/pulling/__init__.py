"""The parts of a pull: which files are wanted, what may give way to them, and how they get to their places."""
