"""The parts of imports by URL: what a URL stands for, what is there, and how it gets into the work tree."""
