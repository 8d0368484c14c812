"""Random surroundings: variables, files and services in which botocore and we find ourselves."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECRET = "Secret/Kd83+x"
REGIONS = ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1", "ap-southeast-7", "me-south-1")
ENDPOINTS = ("http://127.0.0.1:1", "https://sts.example.org", "https://STS.example.org:443/")
PROFILES = ("default", "dev", "prod", "odd name", "chain")
ROLE = "arn:aws:iam::111122223333:role/of-the-profile"


@dataclass
class World:
    """One environment with its files, made below `home`."""

    seed: int
    home: Path
    environ: dict[str, str] = field(default_factory=dict)
    profile: str | None = None
    config: str = ""
    credentials: str = ""
    has_bom: bool = False

    def __repr__(self) -> str:
        """Show all that is needed to see why two readers differ; the keys are dummies."""
        return (
            f"world {self.seed}: profile={self.profile}\n"
            + "\n".join(f"  {name}={value!r}" for name, value in sorted(self.environ.items()))
            + f"\n--- config\n{self.config}\n--- credentials\n{self.credentials}"
        )


def make(seed: int, home: Path, *, instance: str, container: str) -> World:
    """Return the world of this number; `instance` and `container` are servers' addresses."""
    dice = random.Random(seed)
    world = World(seed, home)
    (home / ".aws").mkdir(parents=True)
    (home / "token").write_text("eyJ0.eyJ1.c2ln")
    (home / "odd-token").write_text(" eyJ0.eyJ1.c2ln \n")
    (home / "bundle.pem").write_text("")
    world.environ = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    world.environ |= _variables(dice, home, instance, container)
    if dice.random() < 0.8:
        world.config = _file(dice, home, instance, is_config=True)
        world.has_bom |= _write(dice, home / ".aws/config", world.config)
    if dice.random() < 0.6:
        world.credentials = _file(dice, home, instance, is_config=False)
        world.has_bom |= _write(dice, home / ".aws/credentials", world.credentials)
    if dice.random() < 0.3:
        world.profile = dice.choice(PROFILES)
    return world


def _write(dice: random.Random, path: Path, text: str) -> bool:
    """Write the file with odd line ends, perhaps; tell whether it begins with a byte order mark."""
    start = "\ufeff" if dice.random() < 0.03 else ""
    end = "\r\n" if dice.random() < 0.1 else "\n"
    path.write_bytes((start + text.replace("\n", end)).encode())
    return bool(start)


def _some(dice: random.Random, chance: float, values: Sequence[str]) -> list[str]:
    return [dice.choice(values)] if dice.random() < chance else []


def _variables(dice: random.Random, home: Path, instance: str, container: str) -> dict[str, str]:
    """Return variables that botocore reads: mostly none, some, some empty, some odd."""
    files = (str(home / ".aws/config"), "~/.aws/config", "$HOME/.aws/config", "/nonexistent", "")
    creds = tuple(name.replace("config", "credentials") for name in files)
    truth = ("true", "false", "True", "1", "")
    choices: dict[str, tuple[float, Sequence[str]]] = {
        "AWS_ACCESS_KEY_ID": (0.35, ("AKIAENV0EXAMPLE00000", "")),
        "AWS_SECRET_ACCESS_KEY": (0.35, (SECRET, SECRET, SECRET, "")),
        "AWS_SESSION_TOKEN": (0.2, ("EnvToken//Zx9==", "")),
        "AWS_SECURITY_TOKEN": (0.05, ("OldToken//Zx9==", "")),
        "AWS_CREDENTIAL_EXPIRATION": (
            0.1,
            ("2036-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "", "x"),
        ),
        "AWS_PROFILE": (0.25, (*PROFILES, "", "nosuch")),
        "AWS_DEFAULT_PROFILE": (0.1, (*PROFILES, "")),
        "AWS_CONFIG_FILE": (0.25, files),
        "AWS_SHARED_CREDENTIALS_FILE": (0.2, creds),
        "AWS_REGION": (0.2, (*REGIONS, "")),
        "AWS_DEFAULT_REGION": (0.3, (*REGIONS, "")),
        "AWS_ENDPOINT_URL": (0.1, (*ENDPOINTS, "")),
        "AWS_ENDPOINT_URL_STS": (0.1, (*ENDPOINTS, "")),
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": (0.1, truth),
        "AWS_USE_FIPS_ENDPOINT": (0.1, truth),
        "AWS_USE_DUALSTACK_ENDPOINT": (0.1, truth),
        "AWS_STS_REGIONAL_ENDPOINTS": (0.1, ("regional", "legacy", "")),
        "AWS_CA_BUNDLE": (0.05, (str(home / "bundle.pem"), "")),
        "AWS_MAX_ATTEMPTS": (0.1, ("1", "5", "")),
        "AWS_RETRY_MODE": (0.1, ("standard", "legacy", "adaptive", "")),
        "AWS_DEFAULTS_MODE": (0.05, ("standard", "legacy", "")),
        "AWS_SDK_LOAD_CONFIG": (0.1, ("1", "")),
        "AWS_ROLE_ARN": (0.15, (ROLE, "")),
        "AWS_WEB_IDENTITY_TOKEN_FILE": (
            0.15,
            (str(home / "token"), str(home / "odd-token"), "/nonexistent", ""),
        ),
        "AWS_ROLE_SESSION_NAME": (0.1, ("a-session", "")),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": (0.15, (f"{container}/get", f"{container}/no", "")),
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": (0.03, ("",)),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": (0.1, ("abc", "", "a\nb")),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": (0.1, (str(home / "token"), "/nonexistent", "")),
        "AWS_EC2_METADATA_DISABLED": (0.4, ("true", "TRUE", "false", "")),
    }
    found = {}
    for name, (chance, values) in choices.items():
        for value in _some(dice, chance, values):
            found[name] = value
    if "AWS_ACCESS_KEY_ID" in found and dice.random() < 0.8:
        found.setdefault("AWS_SECRET_ACCESS_KEY", SECRET)
    if "AWS_WEB_IDENTITY_TOKEN_FILE" in found and dice.random() < 0.7:
        found.setdefault("AWS_ROLE_ARN", ROLE)
    # Always a server of the test's: no other address may ever be asked.
    found["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = instance
    return found


def _file(dice: random.Random, home: Path, instance: str, *, is_config: bool) -> str:
    lines: list[str] = []
    names = [name for name in PROFILES if dice.random() < 0.5]
    for name in names:
        lines += _some(dice, 0.2, ("# a comment", "; another", "", "#[profile dev]"))
        title = name if not is_config or name == "default" else f"profile {name}"
        if " " in name:
            title = f"profile '{name}'" if is_config else name
        elif is_config and dice.random() < 0.1:
            title = f'profile "{name}"' if name != "default" else "profile default"
        elif dice.random() < 0.03:
            title = name  # without `profile`, and then it is none
        lines.append(f"[{title}]")
        lines += _settings(dice, home, name, is_config=is_config)
    if is_config and dice.random() < 0.2:
        lines += ["[services mine]", "sts =", f"  endpoint_url = {dice.choice(ENDPOINTS)}"]
    if is_config and dice.random() < 0.15:
        lines += ["[sso-session corp]", "sso_region = eu-west-1", "sso_start_url = https://x/start"]
    return "\n".join(lines) + "\n"


def _settings(dice: random.Random, home: Path, name: str, *, is_config: bool) -> list[str]:
    lines: list[str] = []

    def add(key: str, chance: float, values: Sequence[str]) -> None:
        for value in _some(dice, chance, values):
            separator = dice.choice((" = ", "=", " =", "= ", " : "))
            lines.append(f"{key}{separator}{value}")

    number = PROFILES.index(name)
    kind = dice.choice(("keys", "keys", "role", "process", "token", "sso", "nothing", "half"))
    if kind == "keys":
        lines += [
            f"aws_access_key_id = AKIA{'C' if is_config else 'F'}ILE{number}EXAMPLE0000",
            f"aws_secret_access_key = {SECRET}",
        ]
        add("aws_session_token", 0.2, ("FileToken//Zx9==",))
    elif kind == "half":
        lines.append(f"aws_access_key_id = AKIAHALF{number}EXAMPLE000")
    elif kind == "role":
        lines.append(f"role_arn = {ROLE}-{number}")
        add("source_profile", 0.6, PROFILES)
        add(
            "credential_source", 0.4, ("Environment", "Ec2InstanceMetadata", "EcsContainer", "Moon")
        )
        add("role_session_name", 0.3, ("named-session",))
        add("external_id", 0.2, ("ext-id",))
        add("duration_seconds", 0.2, ("900", "7200", "soon"))
    elif kind == "token":
        lines.append(f"web_identity_token_file = {home / 'token'}")
        add("role_arn", 0.8, (f"{ROLE}-{number}",))
    elif kind == "process":
        keys = json.dumps(
            {"Version": 1, "AccessKeyId": f"ASIAPROC{number}EXAMPLE000", "SecretAccessKey": SECRET}
        )
        path = home / f"keys-{number}.json"
        path.write_text(keys)
        add("credential_process", 0.9, (f"/bin/cat {path}", f'/bin/cat "{path}"', "/bin/false"))
    elif kind == "sso" and is_config:
        lines += ["sso_account_id = 123456789012", "sso_role_name = Dev"]
        add("sso_region", 0.8, ("eu-west-1",))
        add("sso_start_url", 0.8, ("https://x/start",))
        add("sso_session", 0.2, ("corp", "nosuch"))
    add("region", 0.4, (*REGIONS, ""))
    add("output", 0.2, ("json",))
    add("cli_pager", 0.1, ("",))
    add("endpoint_url", 0.08, ENDPOINTS)
    add("services", 0.05, ("mine", "nosuch"))
    add("ca_bundle", 0.03, (str(home / "bundle.pem"), "~/bundle.pem"))
    add("use_fips_endpoint", 0.05, ("true", "false"))
    add("use_dualstack_endpoint", 0.05, ("true", "false"))
    add("sts_regional_endpoints", 0.05, ("regional", "legacy"))
    add("retry_mode", 0.1, ("standard", "adaptive"))
    add("max_attempts", 0.1, ("3",))
    add("defaults_mode", 0.03, ("standard",))
    add("mfa_serial", 0.03, ("arn:aws:iam::111122223333:mfa/x",))
    if dice.random() < 0.15:
        lines += ["s3 =", "  max_concurrent_requests = 20", "  addressing_style = path"]
    dice.shuffle(lines) if "s3 =" not in lines else None
    return lines
