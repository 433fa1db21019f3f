"""A server that stands in for the providers: their real wire formats, personas instead of people, faults on demand."""
