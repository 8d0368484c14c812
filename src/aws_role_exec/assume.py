"""The road to STS: the base identity, then role after role, on one deadline."""

from __future__ import annotations

import os
import time

from aws_role_exec.credentials import Credentials
from aws_role_exec.errors import Fault, IdentityError, Refusal
from aws_role_exec.identity.base import Base, Hop, Surroundings
from aws_role_exec.messages import tell as tell_always
from aws_role_exec.network.deadline import Deadline, run_in_thread, run_until
from aws_role_exec.network.patience import insist
from aws_role_exec.redaction import keep_secret
from aws_role_exec.sts import duration, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aws_role_exec.credentials import Keys
    from aws_role_exec.messages import Tell
    from aws_role_exec.network.waiting import Waiting
    from aws_role_exec.request.request import Request
    from aws_role_exec.sts.diagnose import Question
    from aws_role_exec.sts.endpoint import Endpoint
    from aws_role_exec.trail import Trail

# A role before the last is used once, and at once.
_HOP_SECONDS = duration.SESSION_MINIMUM_SECONDS


def obtain(
    request: Request,
    environ: Mapping[str, str],
    tell: Tell,
    trail: Trail,
    *,
    is_program: bool = True,
) -> Credentials:
    """Return the credentials of the role, or of the last of several.

    What was found out on the way is in the trail, even when it ends in an error. Raises
    IdentityError, StsError or UsageError (a configuration that cannot be read), at the latest
    when `request.sts_timeout_seconds` have passed. A person who has to be asked for an MFA code
    has all the time.

    Without `is_program` this is a call in somebody else's process: its signals and its children
    are left alone, and so is its terminal.
    """
    deadline = Deadline(request.sts_timeout_seconds)
    road = _Road(request, environ, deadline, tell, trail)
    waiting = None
    run = run_until if is_program else run_in_thread
    if is_program and not request.quiet and not request.verbose and os.isatty(2):
        from aws_role_exec.network.waiting import Waiting  # for people at a terminal

        waiting = road.waiting = Waiting(deadline)
    try:
        return run(deadline, road.walk, waiting)
    except TimeoutError:
        from aws_role_exec.sts import diagnose  # only when something failed

        raise diagnose.timeout_error(deadline) from None


class _Road:
    """One run's way from the base identity through the roles."""

    def __init__(
        self,
        request: Request,
        environ: Mapping[str, str],
        deadline: Deadline,
        tell: Tell,
        trail: Trail,
    ) -> None:
        from aws_role_exec.network.wire import Wire  # not for a dry run

        self.request = request
        self.environ = environ
        self.deadline = deadline
        self.tell = tell
        self.trail = trail
        settings = request.settings
        self.wire = Wire(environ, settings.get("ca_bundle"), deadline, tell)
        self.endpoint = self._find_endpoint()
        self.waiting: Waiting | None = None
        # Given without a device of its own, it is for the first profile that asks for one.
        self._spare_code = None if request.mfa_serial else request.mfa_code

    def walk(self) -> Credentials:
        """Return the last role's credentials."""
        base, hops = self._start()
        keys, source = base.keys, base.source
        if base.keys is not None and self.request.explain:
            self._identify(base.keys)
        if keys is not None and not hops:
            credentials = _session(base, keys)
        for position, hop in enumerate(hops):
            credentials = self._assume(hop, keys, source, position, len(hops))
            keys, source = credentials.keys(), hop.role_arn
        return credentials

    def _start(self) -> tuple[Base, Sequence[Hop]]:
        """Return the base identity, and all the roles from it to the one asked for."""
        request = self.request
        token = None
        surroundings = Surroundings(
            self.environ, request.settings, request.region, self.wire, self.tell
        )
        if request.web_identity is not None:
            from aws_role_exec.identity import oidc  # rare

            self.trail.asked.append("an OIDC token")
            token = oidc.fetch(request.web_identity, surroundings)
            base = Base(None, "web-identity", "an OIDC token")
        else:
            from aws_role_exec.identity import chain  # not for a dry run

            base = chain.find(surroundings, self.trail)
        self.trail.provider, self.trail.source = base.provider, base.source
        self.tell(f"source credentials come from {base.source}")
        hops: Sequence[Hop] = base.hops
        if request.is_role_of_profile:
            if not request.role_arns:
                return base, ()
            # The profile's last role is this run's own, and what the options say counts.
            *hops, own = base.hops
            token = own.token
        first, *others = request.role_arns
        # The MFA device is of the user who asks first.
        code = request.mfa_code if request.mfa_serial else None
        name = request.session_name
        role = Hop(first, name, mfa_serial=request.mfa_serial, mfa_code=code, token=token)
        return base, (*hops, role, *(Hop(arn, name) for arn in others))

    def _find_endpoint(self) -> Endpoint:
        from aws_role_exec.configuration import settings  # not for a dry run

        found = settings.find_endpoint(self.request.settings, self.request.region)
        self.trail.endpoint = found.url.rstrip("/")
        return found

    def _identify(self, keys: Keys) -> None:
        """Note in the trail who asks, as far as STS says so."""
        from aws_role_exec.sts import diagnose  # explaining takes its time

        try:
            self.trail.identity_arn = self._call("GetCallerIdentity", {}, keys).get("Arn")
        except (Fault, Refusal) as error:
            # A refusal names who asked, too.
            self.trail.identity_arn = diagnose.who_asked(error)
            self.trail.identity_unknown = diagnose.in_a_word(error)

    def _assume(
        self, hop: Hop, keys: Keys | None, source: str, position: int, hops: int
    ) -> Credentials:
        """Return the credentials of one role."""
        place = hop.named_by or (f"hop {position + 1} of {hops}" if hops > 1 else "")
        url = self.endpoint.url.rstrip("/")
        self.tell(f"requesting {hop.role_arn} from {url}")
        action = "AssumeRole" if hop.token is None else "AssumeRoleWithWebIdentity"
        if hop.token is not None:
            keep_secret(hop.token)
            keys = None
            if self.request.explain:
                self._note_claims(hop.token)
        is_last = position == hops - 1
        parameters = self._parameters(hop, is_last)
        self.deadline.waiting_for = url + (f" ({place})" if place else "")
        try:
            try:
                result = self._call(action, parameters, keys)
            except Refusal as refusal:
                less = self._ask_for_less(refusal, parameters)
                result = self._call(action, less, keys)
            credentials = protocol.credentials(result, url)
            credentials.check_not_expired(time.time())
        except (Fault, Refusal) as error:
            from aws_role_exec.sts import diagnose  # only when something failed

            if position == 0 and self.trail.identity_arn is None:
                self.trail.identity_arn = diagnose.who_asked(error)
            if hop.token is not None:
                self._note_claims(hop.token)
            question = self._question(hop, parameters, source, place)
            raise diagnose.sts_error(error, question, time.time()) from error
        keep_secret(credentials.secret_access_key, credentials.session_token)
        self.tell(credentials.describe())
        self.trail.assumed.append(credentials.assumed_role_arn)
        percent = result.get("PackedPolicySize", "")
        self.trail.packed_policy_percent = int(percent) if percent.isdecimal() else None
        return credentials

    def _parameters(self, hop: Hop, is_last: bool) -> dict[str, Any]:
        """Return what STS is to be told for this role.

        All but its own settings and the MFA device is for the last session.
        """
        request = self.request
        duration_seconds = hop.duration_seconds
        if not hop.named_by:
            duration_seconds = request.duration_seconds if is_last else _HOP_SECONDS
        parameters: dict[str, Any] = {
            "RoleArn": hop.role_arn,
            "RoleSessionName": hop.session_name,
            "DurationSeconds": duration_seconds,
            "WebIdentityToken": hop.token,
            "ExternalId": hop.external_id,
            "SerialNumber": hop.mfa_serial,
            "TokenCode": self._mfa_code(hop),
        }
        if is_last:
            parameters |= request.session_parameters
        return {name: value for name, value in parameters.items() if value not in (None, (), [])}

    def _mfa_code(self, hop: Hop) -> str | None:
        """Return the code for a role that asks for one; a person has all the time to type it."""
        if hop.mfa_serial is None or hop.mfa_code is not None:
            return hop.mfa_code
        if self._spare_code is not None:
            code, self._spare_code = self._spare_code, None
            return code
        from aws_role_exec.identity import mfa  # rare

        self.deadline.stop()
        try:
            return mfa.ask_mfa_code(f"Enter MFA code for {hop.mfa_serial}: ")
        finally:
            self.deadline.go_on()

    def _ask_for_less(self, refusal: Refusal, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters for 1h, which any role gives, or raise the refusal again.

        For `--duration auto` only, and where STS refused for the duration alone. How much the
        role allows STS does not say.
        """
        from aws_role_exec.sts import diagnose  # only when something failed

        asked_seconds = parameters.get("DurationSeconds") or 0
        if (
            not self.request.duration_is_at_most
            or asked_seconds <= duration.CHAINED_MAXIMUM_SECONDS
            or not diagnose.is_too_long(refusal)
        ):
            raise refusal
        asked = duration.format_go(duration.from_seconds(asked_seconds))
        if not self.request.quiet:
            if self.waiting is not None:
                self.waiting.clear()
            tell_always(f"the credentials will last 1h, not {asked}: {diagnose.said(refusal)}")
        return {**parameters, "DurationSeconds": duration.CHAINED_MAXIMUM_SECONDS}

    def _call(
        self, action: str, parameters: Mapping[str, Any], keys: Keys | None
    ) -> dict[str, str]:
        """Return STS's result, asking again after faults that pass until the deadline."""
        endpoint = self.endpoint
        body = protocol.form(action, parameters)

        def ask() -> dict[str, str]:
            headers = {"content-type": protocol.CONTENT_TYPE}
            if keys is not None:
                headers = protocol.sign(
                    body,
                    endpoint.host,
                    endpoint.path,
                    region=endpoint.signing_region,
                    keys=keys,
                    seconds_since_epoch=time.time(),
                )
            answer = self.wire.send("POST", endpoint.url, headers, body)
            if self.request.explain:
                self._note_clock(answer.headers)
            return protocol.read(action, endpoint.url, answer.status, answer.headers, answer.body)

        return insist(ask, self.deadline, self.tell, _passing)

    def _note_claims(self, token: str) -> None:
        from aws_role_exec.identity import oidc  # where something is to be told

        self.trail.token = oidc.claims(token)

    def _note_clock(self, headers: Mapping[str, str]) -> None:
        from aws_role_exec.sts import diagnose  # explaining takes its time

        skew = diagnose.clock_skew_seconds(headers, time.time())
        if skew is not None:
            self.trail.clock_skew_seconds = skew

    def _question(
        self, hop: Hop, parameters: Mapping[str, Any], source: str, place: str
    ) -> Question:
        """Return what was asked, for the words of a refusal."""
        from aws_role_exec.sts import diagnose  # only when something failed

        is_last = hop.role_arn == self.request.role_arns[-1]
        return diagnose.Question(
            role_arn=hop.role_arn,
            region=self.request.region,
            source=source,
            unsent=diagnose.unsent(parameters, hop.named_by, is_last),
            hop=place,
            token=self.trail.token if hop.token is not None else None,
        )


def _session(base: Base, keys: Keys) -> Credentials:
    """Return a base identity's keys as credentials, to be handed over as they are.

    Raises IdentityError where their source did not say how long they are good.
    """
    if not base.expiration:
        raise IdentityError(
            f"source credentials: {base.source} did not report when the session expires"
        )
    credentials = Credentials(
        keys.access_key_id, keys.secret_access_key, keys.session_token, base.expiration, ""
    )
    credentials.check_not_expired(time.time())
    return credentials


def _passing(error: Fault | Refusal) -> str | None:
    from aws_role_exec.sts import diagnose  # only when something failed

    return diagnose.passing(error)
