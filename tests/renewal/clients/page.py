"""docs/renewal-clients.md, as a run of `make clients` found it."""

import datetime
import platform
from collections.abc import Iterable
from dataclasses import dataclass

from renewal.clients.clients import Client

_HEAD = """\
# Clients tried with `--renew`

<!-- Written by `make clients`; changes by hand are lost. -->

Tried on {date} on {system}, all at the same time, each under its own `aws-role-exec --renew`.
Sessions lasted {session} seconds, and each client was one process that ran until {expiries} of its access keys had expired.
The environment also had `[default]` keys and a `[default]` role in `~/.aws`, a proxy in `http_proxy` and `https_proxy`, and an instance metadata service that offered a role.
The server verified the signature of every request.
An error is a request that it refused; another identity is any other than the client's role session.

| client | version | expiries | access keys | requests | errors | other identities |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Outcome:
    """What a client did: how many of its access keys expired, and how many requests it sent."""

    client: Client
    exit_code: int
    expiries: int
    access_keys: int
    requests: int
    errors: int
    other_identities: int

    @property
    def row(self) -> str:
        """Its row of the table."""
        errors = f"{self.errors}, exit {self.exit_code}" if self.exit_code else self.errors
        cells = (
            self.client.title,
            self.client.tell_version(),
            self.expiries,
            self.access_keys,
            self.requests,
            errors,
            self.other_identities,
        )
        return f"| {' | '.join(map(str, cells))} |\n"


def written(outcomes: Iterable[Outcome], *, expiries: int, session_seconds: int) -> str:
    """Return the page's text."""
    outcomes = list(outcomes)
    head = _HEAD.format(
        date=datetime.date.today(),
        system=f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.machine()}",
        session=session_seconds,
        expiries=expiries,
    )
    notes = [f"* {outcome.client.note}\n" for outcome in outcomes if outcome.client.note]
    return head + "".join(outcome.row for outcome in outcomes) + "\n" + "".join(notes)
