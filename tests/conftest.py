"""What every tier shares: the program under test, the servers it talks to, the skip rule."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from reach import make_reachable
from runner import Runner
from servers.certificates import Authority
from servers.moto import Moto
from servers.sts import BASE, Sts

# How long an example takes says something about the machine only.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

# --- the skip rule ---------------------------------------------------------------------------


def nothing_may_be_skipped() -> bool:
    """True where `make test` can install whatever a tier needs: Debian and Ubuntu as root."""
    return (
        sys.platform == "linux"
        and os.path.exists("/etc/debian_version")
        and shutil.which("apt-get") is not None
        and os.geteuid() == 0
    )


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and nothing_may_be_skipped():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {reason}"


_told: dict[int, tuple[BaseException, str]] = {}  # failures of set-ups, by id, and whose they were


def _tell_once(report: pytest.TestReport, error: BaseException) -> bool:
    """Skip a test whose set-up is one for many and has failed before, which was told then.

    pytest raises the very same exception again for each of them.
    """
    _, first = _told.setdefault(id(error), (error, report.nodeid))
    if first == report.nodeid:
        return False
    report.outcome = "skipped"
    path, line, _ = report.location
    report.longrepr = (path, line or 0, f"the set-up failed, as told with {first}")
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    failed = call.excinfo is not None and call.when == "setup" and report.failed
    if not (failed and call.excinfo and _tell_once(report, call.excinfo.value)):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


# --- the program under test ------------------------------------------------------------------


PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}  # subprocess restores these


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--program",
        metavar="PATH",
        help="the aws-role-exec to test (default: the one installed beside this Python)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing of the caller's AWS set-up or proxies may reach the servers or consumers."""
    make_reachable(Path(__file__))  # before workers are started, which inherit it
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    # `make test &` in a script, nohup and some CI runners hand down ignored signals, which
    # the programs we start would rightly keep.
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number not in PYTHONS_OWN:
            default = signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler
            signal.signal(number, default)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@pytest.fixture(scope="session")
def program(pytestconfig: pytest.Config) -> list[str]:
    """The command line's first words: what a user types for `aws-role-exec`."""
    path = pytestconfig.getoption("--program")
    path = Path(path).absolute() if path else Path(sys.executable).with_name("aws-role-exec")
    assert os.access(path, os.X_OK), f"{path} is not a program: pip install -e . first"
    return [str(path)]


@pytest.fixture
def run(program: list[str], sts: Sts, tmp_path: Path) -> Iterator[Runner]:
    """Run the program against `sts` with BASE's keys and nothing else in its environment."""
    places = {name: tmp_path / name for name in ("home", "tmp", "cwd")}
    for place in places.values():
        place.mkdir()
    yield Runner(
        program=program,
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(places["home"]),
            "TMPDIR": str(places["tmp"]),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
        },
        cwd=places["cwd"],
        home=places["home"],
        tmp=places["tmp"],
        secrets=lambda: sts.secrets,
    )
    left = [str(path) for path in places["tmp"].rglob("*")]
    assert not left, f"left behind in TMPDIR: {left}"


# --- what it talks to ------------------------------------------------------------------------


@pytest.fixture
def sts() -> Iterator[Sts]:
    """An STS of our own, over HTTP, that behaves as it is told."""
    with Sts() as server:
        yield server


@pytest.fixture
def sts_servers() -> Iterator[Callable[..., Sts]]:
    """Start further ones: `sts_servers(context)` for TLS."""
    running: list[Sts] = []

    def start(*arguments: object, **options: object) -> Sts:
        server = Sts(*arguments, **options)  # type: ignore[arg-type]
        server.__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority nobody else trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """A moto server over HTTP."""
    with Moto() as server:
        yield server


@pytest.fixture(scope="session")
def moto_tls(authority: Authority) -> Iterator[Moto]:
    """A moto server over TLS with a certificate of `authority`."""
    with Moto(authority.context(), host="localhost") as server:
        yield server


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """`needs("zsh")` is its path, or a skip that says what to install."""

    def find(command: str, package: str | None = None) -> str:
        path = shutil.which(command)
        if path is None:
            pytest.skip(f"SKIPPED: {command} is not installed (package {package or command})")
        return path

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A tier that could not run here says so by name."""
    skipped: Sequence[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    tiers: dict[str, set[str]] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        tiers.setdefault("/".join(report.nodeid.split("/")[:2]), set()).add(reason)
    for tier, reasons in sorted(tiers.items()):
        terminalreporter.write_line(f"SKIPPED {tier}: {'; '.join(sorted(reasons))}")
