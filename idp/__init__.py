"""The legacy cell: global sign-in page, OAuth callback, organization lookup, handoff."""
