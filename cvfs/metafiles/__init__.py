"""DVC's files as values: metafiles, configuration and ignore rules. Reads and writes text, never files."""
