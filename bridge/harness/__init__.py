"""A whole pair as a product: stand-in providers, personas, processes and faults, for demo, tests and integrators."""
