"""cvfs: a Git commit's DVC-tracked data as a directory."""
