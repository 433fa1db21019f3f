"""Which organization owns a person, and which cell serves it: the directory, the service, its clients and the router."""
