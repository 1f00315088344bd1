"""The parts of a comparison of two trees: the trees, the walk through both, and the changes it finds."""
