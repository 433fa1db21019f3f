"""The owning cell: the endpoint, the sessions and the pages of its organizations."""
