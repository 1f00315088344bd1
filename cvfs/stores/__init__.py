"""Object stores behind one protocol: local directory, S3, and an in-memory one for tests."""
