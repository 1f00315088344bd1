"""The files of a work tree: found, hashed and known again, placed and replaced so that nothing is ever half done."""
