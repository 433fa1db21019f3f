"""A process on a store, for races and kills: forks a child for each connection, which does the jobs that come in.

A job is one JSON object a line. A child says `ready` before it starts and waits for the word to go on, so that many start
together. With `stop_at`, it stops before that statement of the work (or before the commit) and waits there to be killed.
"""

import json
import os
import signal
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event

from bridge.accounts.database import open_engine, upgrade
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.store import AccountStore
from bridge.errors import BridgeError
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACME = OrgPolicy(
    org_id=42,
    org_path="acme",
    org_name="Acme",
    signup="open",
    signup_by_provider={},
    read_only=False,
    link_by_email=frozenset({"google_oauth2", "github"}),
    providers=frozenset({"google_oauth2", "github"}),
    disabled_providers=frozenset(),
    external_providers=frozenset(),
    signup_without_email=frozenset(),
    sync_profile_from=frozenset(),
    sync_profile_attributes=frozenset(),
    new_account={"role": "member"},
)


class Channel:
    """One JSON object a line, both ways."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("rw", encoding="utf-8")

    def say(self, **message: Any) -> None:
        """Send one message."""
        self._lines.write(json.dumps(message) + "\n")
        self._lines.flush()

    def hear(self) -> dict[str, Any] | None:
        """Wait for one message; None at the end."""
        line = self._lines.readline()
        return json.loads(line) if line else None


def stop_before(engine: Engine, number: int, channel: Channel) -> None:
    """Make the work on *engine* stop before its statement *number*, or before its commit, whichever comes first."""
    seen = 0

    def stop(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            channel.say(stopped=number)
            channel.hear()

    event.listen(engine, "before_cursor_execute", stop)
    event.listen(engine, "commit", stop)


def sign_in(store: AccountStore, job: dict[str, Any]) -> dict[str, Any]:
    """Sign the job's person in; return the session, or the code of the refusal, or the error that nobody foresaw."""
    identity = ExternalIdentity(
        key=IdentityKey(job.get("provider", "google_oauth2"), job["uid"]),
        email=Email(job["email"]),
        evidence=EmailEvidence(verified=True, rule="test.verified"),
        username=job.get("username"),
    )
    try:
        opened = store.sign_in(
            identity=identity,
            issuer="https://cells.example/saml/metadata",
            handoff_id=job["handoff_id"],
            spent_until=NOW + timedelta(seconds=90),
            session_ends=NOW + timedelta(hours=24),
            reference="7KQ2M-4XD9R",
            policy=replace(ACME, signup=job.get("signup", ACME.signup)),
            now=NOW,
            previous_token=None,
        )
    except BridgeError as refusal:
        return {"refused": refusal.code}
    except Exception as error:  # noqa: BLE001 - the test wants to see it
        return {"error": f"{type(error).__name__}: {error}"}
    return {"token": opened.token, "account": opened.account.id, "outcome": opened.outcome}


def serve(channel: Channel) -> None:
    """Do jobs until the other end hangs up."""
    channel.say(pid=os.getpid())
    while (job := channel.hear()) is not None:
        engine = open_engine(job["url"])
        store = AccountStore(
            engine, session_prefix="cell-2", idle=timedelta(hours=1), absolute=timedelta(hours=8), random_bytes=os.urandom
        )
        if job["do"] == "upgrade":
            channel.say(ready=True)
            channel.hear()
            upgrade(engine)
            channel.say(done=True)
        elif job["do"] == "sign_in":
            store.check_ready()
            if job.get("stop_at"):
                stop_before(engine, job["stop_at"], channel)
            channel.say(ready=True)
            channel.hear()
            channel.say(**sign_in(store, job))
        elif job["do"] == "sign_in_for_ever":
            number = 0
            while True:
                number += 1
                who = f"{job['who']}-{number}"
                channel.say(**sign_in(store, {"uid": who, "email": f"{who}@acme.example", "handoff_id": f"_{who}"}))
        engine.dispose()


def main(address: str) -> None:
    """Listen at *address* and fork a child for each connection; no database is open before the fork."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                try:
                    serve(Channel(connection))
                finally:
                    os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
