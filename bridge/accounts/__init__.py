"""Accounts, identities, sessions, spent handoffs and the audit trail of a cell, and the rules that choose an account."""
