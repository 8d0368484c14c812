"""The settings of a run: a variable counts before the profile, as in botocore.

A variable or setting that is empty counts as unset.
"""

from __future__ import annotations

from aws_role_exec.configuration import files
from aws_role_exec.errors import Doubt, UsageError
from aws_role_exec.identity_variables import RENEWED_SETTING
from aws_role_exec.records import record
from aws_role_exec.sts import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_role_exec.configuration.files import Configuration, Section
    from aws_role_exec.sts.endpoint import Endpoint

_PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # botocore's rank
_VARIABLES = {
    "ca_bundle": ("AWS_CA_BUNDLE",),
    "defaults_mode": ("AWS_DEFAULTS_MODE",),
    "ec2_metadata_service_endpoint": ("AWS_EC2_METADATA_SERVICE_ENDPOINT",),
    "ec2_metadata_service_endpoint_mode": ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",),
    "ec2_metadata_v1_disabled": ("AWS_EC2_METADATA_V1_DISABLED",),
    "ignore_configured_endpoint_urls": ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",),
    "imds_use_ipv6": ("AWS_IMDS_USE_IPV6",),
    "metadata_service_num_attempts": ("AWS_METADATA_SERVICE_NUM_ATTEMPTS",),
    "metadata_service_timeout": ("AWS_METADATA_SERVICE_TIMEOUT",),
    "region": ("AWS_DEFAULT_REGION", "AWS_REGION"),  # botocore has the first alone
    "sts_regional_endpoints": ("AWS_STS_REGIONAL_ENDPOINTS",),
    "use_dualstack_endpoint": ("AWS_USE_DUALSTACK_ENDPOINT",),
    "use_fips_endpoint": ("AWS_USE_FIPS_ENDPOINT",),
}
"""The variables of each setting, by rank."""

_DEFAULTS_MODES = ("legacy", "auto", "standard", "in-region", "cross-region", "mobile")
_REGIONAL_ENDPOINTS = ("legacy", "regional")


@record
class Settings:
    """What environment and profile say.

    `profile` is the one selected, None for the default one without a word of it; `named_by` says
    who selected it: an option, a variable's name, or "" for nobody.
    """

    environ: Mapping[str, str]
    configuration: Configuration
    profile: str | None
    named_by: str

    def __repr__(self) -> str:
        """Show which profile it is, and no value, since some are secrets."""
        return f"Settings({self.profile})"

    @property
    def is_named_by_option(self) -> bool:
        """Tell whether the command line selects the profile: then it must yield an identity."""
        return self.named_by not in ("", *_PROFILE_VARIABLES)

    @property
    def is_named(self) -> bool:
        """Tell whether somebody selects the profile: by an option, or a variable not for default.

        AWS_PROFILE=default is set by habit, and says no more than no variable at all.
        """
        return self.is_named_by_option or self.profile not in (None, "default")

    @property
    def is_renewed(self) -> bool:
        """Tell whether the profile is that of a command under `--renew`."""
        return RENEWED_SETTING in self.section

    @property
    def section(self) -> Section:
        """The selected profile's settings."""
        return self.configuration.profiles.get(self.profile or "default", {})

    def get(self, name: str) -> str | None:
        """Return a setting, None where it is not set or empty. Raises UsageError for a block."""
        found = self.find(name)
        return found[0] if found else None

    def find(self, name: str) -> tuple[str, str] | None:
        """Return a setting, and in a user's words where it is set; None where it is not."""
        for variable in _VARIABLES.get(name, ()):
            value = self.environ.get(variable)
            if value:
                return value, variable
        place = self.place(name)
        value = text(self.section, name, place)
        return (value, place) if value else None

    def sso_region(self) -> str | None:
        """Return the region of the profile's SSO login, None where there is none."""
        place = self.place("sso_region")
        session = text(self.section, "sso_session", self.place("sso_session"))
        section = self.configuration.sso_sessions.get(session, {}) if session else {}
        return text({**section, **self.section}, "sso_region", place)

    def is_true(self, name: str) -> bool:
        """Tell whether a setting is `true`, in any case; any other word is not, as in botocore."""
        return (self.get(name) or "").lower() == "true"

    def place(self, name: str) -> str:
        """Return where a setting of the profile is, in a user's words."""
        return f"{name} of profile {self.profile or 'default'}"

    def endpoint_override(self) -> str | None:
        """Return the URL to be asked in place of AWS's own endpoint of STS, None for that.

        Raises UsageError, with where it is set, for what is no URL of an endpoint.
        """
        if self.is_true("ignore_configured_endpoint_urls"):
            return None
        for variable in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"):
            if self.environ.get(variable):
                return _checked(self.environ[variable], variable)
        place = self.place("services")
        name = text(self.section, "services", place)
        if name is not None:
            services = self.configuration.services.get(name)
            if not services:
                raise UsageError(
                    f"{place}: The profile is configured to use the services section but the"
                    f' "{name}" services configuration does not exist.',
                    hint=f"add a section [services {name}] to {self.configuration.paths[0]}",
                )
            sts = services.get("sts", {})
            if isinstance(sts, str):
                raise UsageError(
                    f"services {name}: `sts` is not a block",
                    hint="write `endpoint_url = ...` on its own line below it, indented",
                )
            if sts.get("endpoint_url"):
                return _checked(sts["endpoint_url"], f"endpoint_url of services {name}")
        place = self.place("endpoint_url")
        url = text(self.section, "endpoint_url", place)
        return _checked(url, place) if url else None

    def wants_global_endpoint(self) -> bool:
        """Tell whether the regions of old are to be asked at `sts.amazonaws.com`.

        Raises UsageError, in botocore's words, for a value that is neither of the two.
        """
        found = self.find("sts_regional_endpoints")
        if found is None:
            return False
        value, place = found
        if value not in _REGIONAL_ENDPOINTS:
            raise UsageError(
                f"{place}: STS regional endpoints option {value} is invalid. Valid options are:"
                ' "legacy", "regional"'
            )
        return value == "legacy"


def load(environ: Mapping[str, str], profile: str | None, option: str = "--profile") -> Settings:
    """Return the settings for the profile named, or that which the environment selects.

    `option` is what named it, for the words of an error.

    Raises UsageError for a profile that does not exist, a file that cannot be understood, and
    settings with which botocore would ask nobody.
    """
    configuration = files.read(environ)
    named_by = "" if profile is None else option
    if profile is None:
        for variable in _PROFILE_VARIABLES:
            if environ.get(variable):
                profile, named_by = environ[variable], variable
                break
    if profile is not None and profile not in configuration.profiles:
        raise _no_such_profile(profile, f"{named_by}: ", configuration)
    settings = Settings(environ, configuration, profile, named_by)
    _check_defaults_mode(settings)
    _check_sso_session(settings)
    return settings


def find_endpoint(settings: Settings, region: str) -> Endpoint:
    """Return where STS is asked for a region. Raises UsageError where nobody can be."""
    override = settings.endpoint_override()
    is_fips = settings.is_true("use_fips_endpoint")
    is_dual_stack = settings.is_true("use_dualstack_endpoint")
    is_global = settings.wants_global_endpoint()
    try:
        return endpoint.resolve(region, override, is_fips, is_dual_stack, is_global)
    except Doubt:
        from aws_role_exec.configuration import by_botocore  # botocore

        return by_botocore.resolve(region, is_fips, is_dual_stack, is_global)


def text(section: Section, key: str, place: str) -> str | None:
    """Return a setting of a section, None where there is none. Raises UsageError for a block."""
    value = section.get(key)
    if isinstance(value, dict):
        raise UsageError(
            f"{place}: expected a value, found a block",
            hint=files.DEEPER,
        )
    return value


def _checked(url: str, place: str) -> str:
    try:
        return endpoint.check_url(url)
    except UsageError as error:
        raise UsageError(f"{place}: {error}", hint=error.hint) from None


def _no_such_profile(name: str, label: str, configuration: Configuration) -> UsageError:
    config, credentials = configuration.paths
    if configuration.unreadable:
        hint = f"cannot read {configuration.unreadable[0]}"
    elif not name:
        hint = "is a variable unset?"
    elif name in configuration.others:
        hint = f"change [{name}] in {config} to [profile {name}]"
    elif f"profile {name}" in configuration.in_credentials:
        hint = f"change [profile {name}] in {credentials} to [{name}]"
    elif configuration.profiles:
        hint = f"the profiles are {', '.join(sorted(configuration.profiles)[:10])}"
    else:
        hint = f"see {config} and {credentials}"
    what = f"no such profile '{name[:200]}'" if name else "the profile name is empty"
    return UsageError(f"{label}{what}", hint=hint)


def _check_defaults_mode(settings: Settings) -> None:
    found = settings.find("defaults_mode")
    if found is None:
        return
    mode, place = found
    if mode.lower() not in _DEFAULTS_MODES:
        raise UsageError(
            f"{place}: Client configured with invalid defaults mode: {mode}. Valid defaults modes"
            f" include: {', '.join(_DEFAULTS_MODES)}."
        )


def _check_sso_session(settings: Settings) -> None:
    """Raise UsageError for a session that is not there or not complete, in botocore's words.

    botocore looks at it before any client is made, whatever signs the request.
    """
    name = text(settings.section, "sso_session", settings.place("sso_session"))
    if name is None:
        return
    session = settings.configuration.sso_sessions.get(name)
    profile = settings.profile or "default"
    beginning = f'The profile "{profile}" is configured to use the SSO token provider but'
    config = settings.configuration.paths[0]
    if not session:
        raise UsageError(
            f'configuration: {beginning} the "{name}" sso_session configuration does not exist.',
            hint=f"add a section [sso-session {name}] to {config}",
        )
    missing = [key for key in ("sso_start_url", "sso_region") if key not in session]
    if missing:
        raise UsageError(
            f"configuration: {beginning} is missing the following configuration: {missing}.",
            hint=f"complete [sso-session {name}] in {config}",
        )
