"""The parts of ``cvfs add``: what may be tracked, what has become of it, and how that is recorded."""
