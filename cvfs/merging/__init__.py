"""Three-way merges of metafiles: entry by entry where git would compare lines."""
