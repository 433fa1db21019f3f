"""The SAML 2.0 schemas, compiled once a thread from the files that python3-saml carries.

The law: nothing is fetched; the schemas are the installed package's own, and every import in them is a file beside it.
"""

import threading
from importlib.metadata import distribution

from lxml import etree

PROTOCOL_SCHEMA = "saml-schema-protocol-2.0.xsd"
_SCHEMAS = "onelogin/saml2/schemas"
_local = threading.local()


def compile_schema(name: str) -> etree.XMLSchema:
    """Return the schema in the file called *name* among those that python3-saml carries."""
    path = distribution("python3-saml").locate_file(f"{_SCHEMAS}/{name}")
    return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True)))


def protocol_schema() -> etree.XMLSchema:
    """Return this thread's schema of the SAML 2.0 protocol."""
    schema: etree.XMLSchema | None = getattr(_local, "protocol", None)
    if schema is None:
        schema = _local.protocol = compile_schema(PROTOCOL_SCHEMA)
    return schema
