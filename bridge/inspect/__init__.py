"""The inspector: what a document says, and what each of the endpoint's checks says about it."""
