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
        "the code is wrong or was used already: each is good once, so wait for the next one",
    ),
    Refusal(
        ("AccessDenied",),
        "MultiFactorAuthentication",
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA"
        " serial number is valid and associated with this user.",
        "the MFA device must be one of the IAM user that asks: see --mfa-serial",
    ),
    Refusal(
        ("AccessDenied",),
        "explicit deny",
        _USER + "sts:AssumeRole" + _ON_ROLE + " with an explicit deny in a service control policy",
        "a policy denies this outright: look for Deny statements that cover {who} or {role}",
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
        "session tags need sts:TagSession too: in the trust policy of {role}, and allowed to {who}",
    ),
    Refusal(
        ("AccessDenied",),
        "sts:SetSourceIdentity",
        _USER + "sts:SetSourceIdentity" + _ON_ROLE,
        "a source identity needs sts:SetSourceIdentity too: in the trust policy of {role}, and"
        " allowed to {who}",
    ),
    Refusal(
        ("AccessDenied",),
        "sts:AssumeRoleWithWebIdentity",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "the trust policy of {role} must name the OIDC provider and its conditions must fit the"
        " token, which says {token}",
    ),
    Refusal(
        ("AccessDenied",),
        "no identity-based policy allows",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no identity-based policy allows the sts:AssumeRole action",
        "{who} has no policy that allows sts:AssumeRole on {role}: attach one",
    ),
    Refusal(
        ("AccessDenied",),
        "no resource-based policy allows",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no resource-based policy allows the sts:AssumeRole action",
        "the trust policy of {role} does not allow {who}; it may also ask for {unsent}",
    ),
    Refusal(
        ("AccessDenied",),
        "policy allows the",
        _USER
        + "sts:AssumeRole"
        + _ON_ROLE
        + " because no VPC endpoint policy allows the sts:AssumeRole action",
        "the kind of policy named above stands between {who} and {role}, whatever the trust"
        " policy says: allow sts:AssumeRole there",
    ),
    Refusal(
        ("AccessDenied",),
        "",
        _USER + "sts:AssumeRole" + _ON_ROLE,
        "{who} needs sts:AssumeRole on the role, and the role must exist and its trust policy"
        " allow {who}; that policy may also ask for {unsent}",
    ),
    Refusal(
        ("ExpiredToken", "ExpiredTokenException"),
        "current date/time",
        "Token expired: current date/time 1795409498 must be before the expiration date/time"
        " 1795405898",
        "the OIDC token has expired: have a new one issued just before this runs",
    ),
    Refusal(
        ("ExpiredToken", "ExpiredTokenException"),
        "",
        "The security token included in the request is expired",
        "the credentials from {source} have expired; renew them, or unset them if something"
        " better stands behind them",
    ),
    Refusal(
        ("InvalidClientTokenId", "UnrecognizedClientException"),
        "",
        "The security token included in the request is invalid.",
        "STS does not know the key from {source}: deleted, inactive, of another partition, or"
        " temporary and without its session token",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "scoped to a valid region",
        "Credential should be scoped to a valid region, not 'us-east-1'. ",
        "the endpoint belongs to another region than {region}, for which the request was signed:"
        " set --region to the endpoint's region",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "expired",
        "Signature expired: 20260321T200000Z is now earlier than 20260321T200500Z"
        " (20260321T202000Z - 15 min.)",
        "the request arrived long after it was signed: was this machine suspended, does a proxy"
        " hold requests back, or was the clock just set? Try again; see timedatectl",
    ),
    Refusal(
        ("SignatureDoesNotMatch",),
        "not yet current",
        "Signature not yet current: 20260321T203000Z is still later than 20260321T201500Z"
        " (20260321T200000Z + 15 min.)",
        "this machine's clock was ahead of STS's when the request was signed; set it (see"
        " timedatectl)",
    ),
    Refusal(
        ("RequestExpired",),
        "",
        "Request has expired.",
        "the request arrived long after it was signed: was this machine suspended, or its clock"
        " just set? Try again; see timedatectl",
    ),
    Refusal(
        ("SignatureDoesNotMatch", "IncompleteSignature"),
        "",
        "The request signature we calculated does not match the signature you provided. Check"
        " your AWS Secret Access Key and signing method.",
        "the secret key from {source} does not belong to its access key; was it cut when copied?",
    ),
    Refusal(
        ("ValidationError",),
        "role chaining",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by"
        " role chaining.",
        "a role assumed with a role's credentials lasts 1h at most: use --duration 1h",
    ),
    Refusal(
        ("ValidationError",),
        "MaxSessionDuration",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "ask for less with --duration, or raise the role's maximum session duration in IAM",
    ),
    Refusal(
        ("PackedPolicyTooLarge",),
        "",
        "Packed policy consumes 113% of allotted space, please use smaller policy.",
        "the session policies and tags take {percent} of the packed size allowed; make them"
        " smaller",
    ),
    Refusal(
        ("MalformedPolicyDocument",),
        "",
        "Syntax errors in policy.",
        "the session policy is valid JSON that IAM does not accept; see the message above",
    ),
    Refusal(
        ("InvalidParameterValue",),
        "transitive tag",
        "One of the specified transitive tag keys can't be set because it conflicts with a"
        " transitive tag key from the calling session.",
        "the calling session already set that transitive tag; it cannot be changed: leave it out",
    ),
    Refusal(
        ("RegionDisabledException",),
        "",
        "STS is not activated in this region for account:123456789012. Your account"
        " administrator can activate STS in this region using the IAM Console.",
        "STS is switched off in {region} for the account: name another --region, or have it"
        " activated in the account settings of IAM",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "No OpenIDConnect provider",
        "No OpenIDConnect provider found in your account for"
        " https://token.actions.githubusercontent.com",
        "the account of {role} has no OIDC identity provider of that address: create one in IAM",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "audience",
        "Incorrect token audience",
        "the identity provider in IAM does not list the token's audience; the token says {token}",
    ),
    Refusal(
        ("InvalidIdentityToken",),
        "verification key",
        "Couldn't retrieve verification key from your identity provider,  please reference"
        " AssumeRoleWithWebIdentity documentation for requirements",
        "AWS must reach the issuer's /.well-known/openid-configuration and its keys over the"
        " Internet",
    ),
    Refusal(
        ("InvalidIdentityToken", "IDPRejectedClaim"),
        "",
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access"
        " Token)",
        "the OIDC token was not accepted: check its audience, its issuer and its age; it says"
        " {token}",
    ),
)

THROTTLED_HINT = (
    "too many requests at once: spread the jobs' starts, or give it longer with --sts-timeout"
)
LONGER_HINT = "give it longer with --sts-timeout"
SKEW_HINT = "this machine's clock is {minutes} minutes {direction} STS's; set it (see timedatectl)"
_REACH_HINT = (
    "no route from here? See --region, AWS_ENDPOINT_URL_STS, HTTPS_PROXY, and in a private"
    " network its STS endpoint"
)

FAULTS = {
    "proxy": Fault(
        "the proxy did not take the connection ({error})",
        "see HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        "unreachable",
    ),
    "proxy 407": Fault(
        "the proxy wants a user name and a password, or other ones (HTTP 407)",
        "write USER:PASSWORD@ before the host in HTTPS_PROXY or HTTP_PROXY",
    ),
    "no such host": Fault(
        "the host name cannot be resolved ({error})",
        "is the name right, and does this machine have a name server? See --region and"
        " AWS_ENDPOINT_URL_STS",
        "unreachable",
    ),
    "connect timeout": Fault("connecting timed out", _REACH_HINT, "unreachable"),
    "unreachable": Fault("{error}", _REACH_HINT, "unreachable"),
    "read timeout": Fault("no answer on an open connection", LONGER_HINT, "fault"),
    "dropped": Fault("the connection was dropped", None, "fault"),
    "not STS": Fault(
        "the answer is not STS's ({error})",
        "something other than STS answers there: a proxy, a login page, another service?",
        "garbled",
    ),
    "not HTTP": Fault(
        "the answer is not HTTP ({error})",
        "another service on that port, or https:// instead of http://?",
        "garbled",
    ),
    "too large": Fault(
        "the answer is larger than 1 MiB", "something else answers there: see AWS_ENDPOINT_URL_STS"
    ),
    "not sent": Fault("nothing was sent: {error} in the request", None),
    "no authorities": Fault(
        "{error} is not there, cannot be read, or holds no certificate of an authority",
        "name a PEM file with the authorities to trust in AWS_CA_BUNDLE, or unset it",
    ),
    "host name": Fault(
        "the certificate is for another host name",
        "is that a proxy, or an endpoint override that names another host?",
    ),
    "certificate not yet valid": Fault(
        "the certificate is not valid yet",
        "this machine's clock is probably behind: see date -u",
    ),
    "expired certificate": Fault(
        "the certificate has expired",
        "if it has not, this machine's clock is wrong: see date -u",
    ),
    "untrusted": Fault(
        "the certificate is not signed by a trusted authority",
        "if a proxy of yours signs it, name its authority's PEM file in AWS_CA_BUNDLE",
    ),
    "not TLS": Fault(
        "the port does not speak TLS", "http:// instead of https://, or another port?"
    ),
    "TLS": Fault("TLS failed: {error}", "see AWS_CA_BUNDLE, HTTPS_PROXY and AWS_ENDPOINT_URL_STS"),
}

IDENTITY_HINTS = {
    "expired": "renew them",
    "expired by a variable": "renew them, or unset AWS_CREDENTIAL_EXPIRATION if it was left by"
    " older ones",
    "not a time": "unset it, or use ISO 8601",
    "none": "looked in {places}; the instance metadata service {metadata}",
    "sso": "log in again: aws sso login",
    "login": "log in again: aws login",
    "no crt": "let the AWS CLI answer for that profile: credential_process = aws configure"
    " export-credentials --profile NAME",
    "partial": "set both the access key and the secret key, or neither",
    "terminal": "name it with --mfa-code",
    "github out of reach": "may this runner reach GitHub? See HTTPS_PROXY and NO_PROXY",
    "github": "the job's right to ask ends with the job; it needs the permission id-token: write",
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
