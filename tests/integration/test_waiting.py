"""What a run waits for besides STS's answer: nothing."""

import select
import socket
import ssl
import statistics
import time

from runner import Runner
from servers.certificates import Authority
from servers.sts import Conversation, Sts

RUNS = 7
DELAYED_ACKNOWLEDGEMENT_SECONDS = 0.040  # Linux's least, TCP_DELACK_MIN


class _PatientConversation(Conversation):
    """Acknowledges as late as TCP may; notes how long the request is in coming."""

    server: "PatientSts"

    def setup(self) -> None:
        if hasattr(socket, "TCP_QUICKACK"):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        super().setup()
        ready = time.monotonic()
        select.select([self.request], [], [], self.timeout)
        self.server.waits.append(time.monotonic() - ready)


class PatientSts(Sts):
    """An STS over TLS that says nothing between the handshake and the request: no tickets.

    So nothing but a delayed acknowledgement answers the client's last message of the handshake.
    """

    handler = _PatientConversation

    def __init__(self, context: ssl.SSLContext) -> None:
        context.num_tickets = 0
        super().__init__(context, host="localhost")
        self.waits: list[float] = []


class TestWaiting:
    def test_a_request_does_not_wait_for_an_acknowledgement(
        self, run: Runner, authority: Authority
    ) -> None:
        """With TCP_NODELAY the request follows the handshake at once, not a round trip later.

        Held against the time that a delayed acknowledgement takes, which a busy machine does
        not shorten; and it's the middle of several runs, as a busy machine may delay a few.
        """
        with PatientSts(authority.context()) as sts:
            run.env |= {"AWS_ENDPOINT_URL_STS": sts.url, "AWS_CA_BUNDLE": str(authority.bundle)}
            for _ in range(RUNS):
                run.assume("--", "true").ok()
            assert len(sts.asked) == len(sts.waits) == RUNS
        assert statistics.median(sts.waits) < DELAYED_ACKNOWLEDGEMENT_SECONDS * 0.75, sts.waits
