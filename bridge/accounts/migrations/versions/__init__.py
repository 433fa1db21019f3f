"""One module for each migration, in order; none is changed once it is released."""
