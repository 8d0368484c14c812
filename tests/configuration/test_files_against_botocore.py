"""A user's files mean the same to this program as to botocore: thousands of files, both readers."""

import subprocess
import sys
import tarfile
import types
from pathlib import Path
from typing import Any

import botocore
import botocore.exceptions
import botocore.session
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from aws_role_exec.configuration import files
from aws_role_exec.errors import UsageError

FAULT = "a fault"

# --- what files are made of ------------------------------------------------------------------

NAMES = ("dev", "prod", "default", '"my dev"', "'b'", "a b", "a\\ b", "x]y", '"open', "é", "")
WORDS = ("profile ", "profile\t", "profile", "profiles ", "sso-session ", "services ", "")
KEYS = (
    "region",
    "REGION",
    "role_arn",
    "aws_access_key_id",
    "aws_secret_access_key",
    "credential_process",
    "s3",
    "sts",
    "endpoint_url",
    "a key",
    "[k",
    "",
)
VALUES = (
    "eu-west-1",
    "a = b",
    "a: b # no comment",
    '"quoted"',
    "%(x)s $HOME ; no comment",
    "x\u2028y",
    "é\u00a0",
    "",
)
BETWEEN = (" = ", "=", ": ", " : ", "= \t", " ")
INDENTS = ("", "", "", "", "  ", "    ", "\t", "\u00a0", "\f")

section = st.builds(
    "[{}{}]{}".format, *map(st.sampled_from, (WORDS, NAMES, ("", "", " # x", " ]")))
)
pair = st.builds("{}{}{}".format, *map(st.sampled_from, (KEYS, BETWEEN, VALUES)))
block = st.lists(
    st.one_of(pair, pair, st.sampled_from(("", "# in it", "no pair"))), max_size=3
).map(lambda lines: "\n".join(["s3 =", *("  " + line for line in lines)]))
odd = st.sampled_from(
    (
        "",
        "",
        "   ",
        "# comment",
        " ; comment",
        "[DEFAULT]",
        "[]",
        "no pair",
        "\x85",
        "\x1c a=b",
        "= x",
    )
)
line = st.builds(
    "{}{}".format, st.sampled_from(INDENTS), st.one_of(section, pair, pair, block, odd)
)
ending = st.sampled_from(("\n", "\n", "\n", "\r\n", "\r"))


def join(lines: list[str], end: str, first: str) -> str:
    return first + "".join(one.replace("\n", end) + end for one in lines)


text = st.builds(
    join,
    st.lists(line, max_size=8),
    ending,
    st.sampled_from(("[default]\n", "[default]\n", "[profile dev]\n", "")),
)
mutated = st.builds(
    lambda whole, place, insert, length: (
        whole[: place % (len(whole) + 1)] + insert + whole[place % (len(whole) + 1) + length :]
    ),
    text,
    st.integers(0, 200),
    st.text("[]=:#;\n\r\t x\"'\\\u00e9", max_size=3),
    st.integers(0, 4),
)
WELL_FORMED = (
    "[default]\nregion = eu-west-1\n",
    "[profile dev]\ns3 =\n  a = b\n\n# x\nrole_arn = r\n",
)
document = st.one_of(text, mutated, st.sampled_from(WELL_FORMED))


# --- the two readers -------------------------------------------------------------------------


def read_by_botocore(config: Path, credentials: Path) -> Any:
    """Return `full_config` of a session, without the time that making a session takes."""
    places = {"config_file": str(config), "credentials_file": str(credentials)}
    session = types.SimpleNamespace(_config=None, get_config_variable=places.__getitem__)
    try:
        found = botocore.session.Session.full_config.fget(session)  # type: ignore[attr-defined]
    except botocore.exceptions.BotoCoreError:
        return FAULT
    kinds = ("profiles", "sso_sessions", "services")
    others = {name: value for name, value in found.items() if name not in kinds}
    return [*(found.get(kind, {}) for kind in kinds), others]


def read_by_us(config: Path, credentials: Path) -> Any:
    names = {files.CONFIG_VARIABLE: str(config), files.CREDENTIALS_VARIABLE: str(credentials)}
    try:
        found = files.read(names)
    except UsageError:
        return FAULT
    return [found.profiles, found.sso_sessions, found.services, found.others]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("aws")
    return folder / "config", folder / "credentials"


understood = {"both": 0, "neither": 0}


@seed(12)
@settings(max_examples=2000, database=None, suppress_health_check=list(HealthCheck))
@given(document, st.one_of(st.none(), document))
def check_one(places: tuple[Path, Path], config: str, credentials: str | None) -> None:
    for place, content in zip(places, (config, credentials), strict=True):
        place.unlink(missing_ok=True)
        if content is not None:
            place.write_bytes(content.encode())
    theirs = read_by_botocore(*places)
    assert read_by_us(*places) == theirs
    understood["neither" if theirs == FAULT else "both"] += 1


@pytest.mark.timeout(600)
def test_files_mean_what_they_mean_to_botocore(places: tuple[Path, Path]) -> None:
    """2,000 pairs of files, of which each reader understands the same ones, and alike."""
    check_one(places)
    assert understood["both"] > 300, understood
    assert understood["neither"] > 300, understood


# --- botocore's own samples ------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The sample files out of botocore's source distribution, which pip brings."""
    folder = tmp_path_factory.mktemp("botocore")
    version = f"botocore=={botocore.__version__}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(folder), version], check=True, timeout=300)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # none in Python 3.11.2
        for member in archive:
            if member.isfile() and "tests/unit/cfg/" in member.name:
                member.name = Path(member.name).name
                archive.extract(member, folder / "samples")
    return sorted((folder / "samples").iterdir())


def test_botocores_own_samples_mean_what_they_mean_to_botocore(
    samples: list[Path], tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    understood = 0
    for sample in samples:
        theirs = read_by_botocore(sample, nothing)
        assert read_by_us(sample, nothing) == theirs, sample.name
        assert read_by_us(nothing, sample) == read_by_botocore(nothing, sample), sample.name
        understood += theirs != FAULT
    assert 0 < understood < len(samples)
    assert len(samples) >= 10
