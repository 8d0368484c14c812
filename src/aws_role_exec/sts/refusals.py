"""What STS and the way to it answer, and what a person can do about it: the tables.

`diagnose` looks things up here, docs/errors.md is made from it, and a test brings about each
row and looks for its hint.
"""

from __future__ import annotations

from aws_role_exec.records import record


@record
class Refusal:
    """An answer of STS and what to do about it.

    It matches an error whose code is one of `codes` and whose message has `contains`; the
    first row that matches counts. `example` is a message of STS that does. `hint` may name
    {role}, {region}, {source} (where the asking credentials came from), {who} (the identity
    that asked, as STS named it), {unsent} (what a trust policy may want and was not sent),
    {percent} (of the packed size allowed) and {token} (what the OIDC token says of itself).
    """

    codes: tuple[str, ...]
    contains: str
    example: str
    hint: str


@record
class Fault:
    """Something that went wrong before STS could answer: what is said of it, and the hint.

    `passes` says whether asking again may help, as `diagnose.passing` does: `fault` for what
    passes by itself, `unreachable` and `garbled` for what rather stays, None for what stays.
    """

    why: str
    hint: str | None
    passes: str | None = None


_USER = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: "
_ON_ROLE = " on resource: arn:aws:iam::123456789012:role/my-role"

REFUSALS = (
    Refusal(
        ("AccessDenied",),
        "invalid MFA one time pass code",
        "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        "the code is wrong or was already used; wait for the next one",
    ),
    Refusal(
        ("AccessDenied",),
        "MultiFactorAuthentication",
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA"
        " serial number is valid and associated with this user.",
        "the MFA device must belong to the IAM user that calls STS: see --mfa-serial",
    ),
    Refusal(
        ("AccessDenied",),
        "explicit deny",
        _USER + "sts:AssumeRole" + _ON_ROLE + " with an explicit deny in a service control policy",
        "look for a Deny statement that covers {who} or {role}",
    ),
    Refusal(
        ("AccessDenied",),
        "not be assumed by root",
        "Roles may not be assumed by root accounts.",
        "use an IAM user's or a role's credentials; the account's root user cannot assume roles",
    ),
    Refusal(
        ("AccessDenied",),
        "sts:TagSession",
        _USER + "sts:TagSession" + _ON_ROLE,
        "session tags require sts:TagSession: allow it in the trust policy of {role} and in a"
        " policy of {who}",
    ),
    Refusal(
        ("AccessDenied",),
        "sts:SetSourceIdentity",
        _USER + "sts:SetSourceIdentity" + _ON_ROLE,
        "a source identity requires sts:SetSourceIdentity: allow it in the trust policy of"
        " {role} and in a policy of {who}",
    ),
    Refusal(
        ("AccessDenied",),
        "sts:AssumeRoleWithWebIdentity",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "the trust policy of {role} must name the OIDC provider, and its conditions must"
        " match the token: {token}",
    ),
    Refusal(
        ("AccessDenied",),
        "no identity-based policy allows",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no identity-based policy allows the sts:AssumeRole action",
        "attach a policy to {who} that allows sts:AssumeRole on {role}",
    ),
    Refusal(
        ("AccessDenied",),
        "no resource-based policy allows",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no resource-based policy allows the sts:AssumeRole action",
        "the trust policy of {role} does not allow {who}; it may also require {unsent}",
    ),
    Refusal(
        ("AccessDenied",),
        "policy allows the",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no VPC endpoint policy allows the sts:AssumeRole action",
        "the policy named above must also allow {who} to call sts:AssumeRole on {role}; the"
        " trust policy alone is not enough",
    ),
    Refusal(
        ("AccessDenied",),
        "",
        _USER + "sts:AssumeRole" + _ON_ROLE,
        "the role must exist, its trust policy must allow {who}, and this caller needs"
        " sts:AssumeRole on the role; the trust policy may also require {unsent}",
    ),
    Refusal(
        ("ExpiredToken", "ExpiredTokenException"),
        "current date/time",
        "Token expired: current date/time 1795409498 must be before the expiration date/time"
        " 1795405898",
        "the OIDC token has expired: get a new one just before the run",
    ),
    Refusal(
        ("ExpiredToken", "ExpiredTokenException"),
        "",
        "The security token included in the request is expired",
        "the credentials from {source} have expired; renew them, or unset them to use the"
        " next source",
    ),
    Refusal(
        ("InvalidClientTokenId", "UnrecognizedClientException"),
        "",
        "The security token included in the request is invalid.",
        "STS does not know the key from {source}: it is deleted, inactive, from another"
        " partition, or lacks its session token",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "scoped to a valid region",
        "Credential should be scoped to a valid region, not 'us-east-1'. ",
        "the request was signed for {region}, but the endpoint is in another region: set"
        " --region to the endpoint's region",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "expired",
        "Signature expired: 20260321T200000Z is now earlier than 20260321T200500Z"
        " (20260321T202000Z - 15 min.)",
        "the request arrived too late: was this machine suspended, does a proxy delay"
        " requests, or was the clock just set? Try again; see timedatectl",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "not yet current",
        "Signature not yet current: 20260321T203000Z is still later than 20260321T201500Z"
        " (20260321T200000Z + 15 min.)",
        "this machine's clock is ahead of STS; set it (see timedatectl)",
    ),
    Refusal(
        ("RequestExpired",),
        "",
        "Request has expired.",
        "the request arrived too late: was this machine suspended, or its clock just set? Try"
        " again; see timedatectl",
    ),
    Refusal(
        ("SignatureDoesNotMatch", "IncompleteSignature"),
        "",
        "The request signature we calculated does not match the signature you provided. Check"
        " your AWS Secret Access Key and signing method.",
        "the secret key from {source} does not match its access key; was it truncated?",
    ),
    Refusal(
        ("ValidationError",),
        "role chaining",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by"
        " role chaining.",
        "with role chaining, a session lasts at most 1h: use --duration 1h",
    ),
    Refusal(
        ("ValidationError",),
        "MaxSessionDuration",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "use a shorter --duration, or raise the role's maximum session duration in IAM",
    ),
    Refusal(
        ("PackedPolicyTooLarge",),
        "",
        "Packed policy consumes 113% of allotted space, please use smaller policy.",
        "the session policies and tags use {percent} of the packed size limit; shorten them",
    ),
    Refusal(
        ("MalformedPolicyDocument",),
        "",
        "Syntax errors in policy.",
        "the session policy is valid JSON, but IAM rejects it; see the message above",
    ),
    Refusal(
        ("InvalidParameterValue",),
        "transitive tag",
        "One of the specified transitive tag keys can't be set because it conflicts with a"
        " transitive tag key from the calling session.",
        "the calling session already set that transitive tag, and it cannot be changed: omit it",
    ),
    Refusal(
        ("RegionDisabledException",),
        "",
        "STS is not activated in this region for account:123456789012. Your account"
        " administrator can activate STS in this region using the IAM Console.",
        "STS is disabled in {region} for this account: use another --region, or activate it"
        " in the IAM account settings",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "No OpenIDConnect provider",
        "No OpenIDConnect provider found in your account for"
        " https://token.actions.githubusercontent.com",
        "the account of {role} has no OIDC identity provider with that URL: create one in IAM",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "audience",
        "Incorrect token audience",
        "the identity provider in IAM does not list the token's audience; the token has {token}",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "verification key",
        "Couldn't retrieve verification key from your identity provider,  please reference"
        " AssumeRoleWithWebIdentity documentation for requirements",
        "the issuer's /.well-known/openid-configuration and its keys must be reachable from"
        " the Internet",
    ),
    Refusal(
        ("InvalidIdentityToken", "IDPRejectedClaim"),
        "",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access"
        " Token)",
        "STS rejected the OIDC token: check its audience, issuer and age; it has {token}",
    ),
)

THROTTLED_HINT = "too many requests at once: spread the start of the jobs, or raise --sts-timeout"
LONGER_HINT = "raise --sts-timeout"
SKEW_HINT = "this machine's clock is {minutes} minutes {direction} STS; set it (see timedatectl)"
_REACH_HINT = (
    "is there a route from here? See --region, AWS_ENDPOINT_URL_STS and HTTPS_PROXY; a"
    " private network needs an STS endpoint"
)

FAULTS = {
    "proxy": Fault(
        "the proxy did not accept the connection ({error})",
        "see HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        "unreachable",
    ),
    "proxy 407": Fault(
        "the proxy requires a valid user name and password (HTTP 407)",
        "put USER:PASSWORD@ before the host in HTTPS_PROXY or HTTP_PROXY",
    ),
    "no such host": Fault(
        "the host name cannot be resolved ({error})",
        "is the name correct, and does DNS work here? See --region and AWS_ENDPOINT_URL_STS",
        "unreachable",
    ),
    "connect timeout": Fault("connecting timed out", _REACH_HINT, "unreachable"),
    "unreachable": Fault("{error}", _REACH_HINT, "unreachable"),
    "read timeout": Fault("no response on an open connection", LONGER_HINT, "fault"),
    "dropped": Fault("the connection was dropped", None, "fault"),
    "not STS": Fault(
        "the response is not from STS ({error})",
        "is that a proxy, a login page or another service?",
        "garbled",
    ),
    "not HTTP": Fault(
        "the response is not HTTP ({error})",
        "is another service on that port, or must the URL begin with https://?",
        "garbled",
    ),
    "too large": Fault(
        "the response is larger than 1 MiB", "is that endpoint STS? See AWS_ENDPOINT_URL_STS"
    ),
    "not sent": Fault("nothing was sent: {error} in the request", None),
    "no authorities": Fault(
        "{error} is missing, unreadable, or contains no CA certificate",
        "set AWS_CA_BUNDLE to a PEM file with trusted CA certificates, or unset it",
    ),
    "host name": Fault(
        "the certificate is for another host name",
        "is that a proxy, or does an endpoint override name another host?",
    ),
    "certificate not yet valid": Fault(
        "the certificate is not valid yet",
        "is this machine's clock behind? See date -u",
    ),
    "expired certificate": Fault(
        "the certificate has expired",
        "is this machine's clock ahead? See date -u",
    ),
    "untrusted": Fault(
        "the certificate is not signed by a trusted authority",
        "if a proxy signs it, set AWS_CA_BUNDLE to the PEM file of the proxy's CA",
    ),
    "not TLS": Fault(
        "the port does not speak TLS", "should the URL begin with http://, or is the port wrong?"
    ),
    "TLS": Fault("TLS failed: {error}", "see AWS_CA_BUNDLE, HTTPS_PROXY and AWS_ENDPOINT_URL_STS"),
}

IDENTITY_HINTS = {
    "expired": "renew them",
    "expired by a variable": "renew them, or unset AWS_CREDENTIAL_EXPIRATION if it is left over"
    " from older ones",
    "not a time": "unset it, or use ISO 8601",
    "none": "looked in {places}; the instance metadata service {metadata}",
    "sso": "log in again: aws sso login",
    "login": "log in again: aws login",
    "no crt": "let the AWS CLI provide that profile's credentials: credential_process = aws"
    " configure export-credentials --profile NAME",
    "partial": "set both the access key and the secret key, or neither",
    "terminal": "pass it with --mfa-code",
    "github out of reach": "can this runner reach GitHub? See HTTPS_PROXY and NO_PROXY",
    "github": "the job needs the permission id-token: write, which ends with the job",
}

PROVIDERS = {
    "env": "the environment",
    "profile": "the profile",
    "assume-role": "the profile's role",
    "assume-role-with-web-identity": "a web identity token file",
    "sso": "the SSO login cache",
    "shared-credentials-file": "the shared credentials file",
    "login": "the console login cache",
    "custom-process": "the profile's credential_process",
    "config-file": "the config file",
    "ec2-credentials-file": "AWS_CREDENTIAL_FILE",
    "boto-config": "the boto config file",
    "container-role": "the container credentials endpoint",
    "iam-role": "the instance metadata service",
    "web-identity": "an OIDC token",
}
"""What botocore, and we, call a provider of credentials, in a user's words."""
