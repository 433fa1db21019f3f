"""The document layer: bytes and keys in, values out. The law: it does no I/O and reads no clock."""
