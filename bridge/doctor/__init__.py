"""The doctor: a live pair, asked from outside, and what each check makes of the answers."""
