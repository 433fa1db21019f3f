"""A whole sign-in in one file that can be given to somebody else: made, read, and judged again."""
