"""The buttons of an organization's pages: its providers that this cell is a client of.

The law: what the organization does not allow, or has switched off, has no button.
"""

from bridge.web import pages
from sp.cell import OwningCell
from sp.orgs import Organization


def ways_in(cell: OwningCell, org: Organization, start: str) -> list[pages.ProviderButton]:
    """Return the buttons of the providers that this cell is a client of and *org* allows; each posts to *start* + name."""
    return [
        pages.ProviderButton(label=provider.label, kind=provider.kind, start_path=start + name)
        for name, provider in cell.flow.providers.items()
        if name in org.policy.open_providers
    ]
