"""The web inspector beside a running pair: what a browser posted there can be pasted here and judged as each organization.

The law: it lives in the demo's own process and ends with it; it reads the pair's configuration and nothing else.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.clock import utc_now
from bridge.harness import world
from bridge.harness.pair import Pair
from bridge.inspect.untrusted import nobodys_question
from bridge.inspect.web import BY_ITSELF, Ask, Server, asking, create_app
from bridge.saml.second_opinion import SecondOpinion
from bridge.saml.verify import Question
from sp.orgs import organizations
from sp.trust import trusted_issuers


@contextmanager
def inspector_of(pair: Pair) -> Iterator[str]:
    """Serve the inspector with the endpoints of *pair* until the block ends; gives its address."""
    server = Server(create_app(_endpoints(pair), clock=utc_now), 0)
    thread = threading.Thread(target=server.serve, name="inspector", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join()


def _endpoints(pair: Pair) -> dict[str, Ask]:
    opinion, now = SecondOpinion(), utc_now()
    found: dict[str, Ask] = {}
    for cell in world.OWNING_CELLS:
        config = pair.config(cell)
        trust = trusted_issuers(config)
        for path, org in organizations(config).items():
            found[path] = asking(
                Question(trust=trust, endpoint=org.default_endpoint, now=now, binding_secret=None, second_opinion=opinion)
            )
    return {**found, BY_ITSELF: asking(nobodys_question(now))}
