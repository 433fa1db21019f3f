"""The SAML 2.0 schemas, compiled once a thread from the files that python3-saml carries.

The law: nothing is fetched; the schemas are the installed package's own, and every import in them is a file beside it. One
element is added, which encryption by OAEP with SHA-256 cannot do without: they let nothing stand that they do not know.
"""

import threading
from importlib.metadata import distribution

from lxml import etree

from bridge.saml import names

PROTOCOL_SCHEMA = "saml-schema-protocol-2.0.xsd"
_SCHEMAS = "onelogin/saml2/schemas"
# XML Encryption 1.1, 5.5.2: MGF, beside the schema that is asked for.
_WITH_MGF = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="%s">
<xs:import namespace="%s" schemaLocation="%s"/>
<xs:element name="MGF">
<xs:complexType><xs:attribute name="Algorithm" type="xs:anyURI" use="required"/></xs:complexType>
</xs:element>
</xs:schema>"""
_local = threading.local()


def compile_schema(name: str) -> etree.XMLSchema:
    """Return the schema in the file called *name* among those that python3-saml carries."""
    path = str(distribution("python3-saml").locate_file(f"{_SCHEMAS}/{name}"))
    parser = etree.XMLParser(no_network=True)
    namespace = etree.parse(path, parser).getroot().get("targetNamespace")
    return etree.XMLSchema(etree.fromstring(_WITH_MGF % (names.XENC11, namespace, name), parser, base_url=f"{path}+"))


def protocol_schema() -> etree.XMLSchema:
    """Return this thread's schema of the SAML 2.0 protocol."""
    schema: etree.XMLSchema | None = getattr(_local, "protocol", None)
    if schema is None:
        schema = _local.protocol = compile_schema(PROTOCOL_SCHEMA)
    return schema
