"""Push: what changed goes up, and the versions that the store answered with are recorded."""
