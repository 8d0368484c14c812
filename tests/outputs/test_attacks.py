"""Output files on a machine where someone else is at work: real users, real races."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outputs.conftest import ATTACKER, THIRD, VICTIM, Become
from runner import Result, Runner
from servers import sts as behave
from servers.sts import Sts

PRECIOUS = "precious\n"


@pytest.fixture
def shared(public: Path, user: Become) -> Path:
    """A directory like /tmp."""
    path = public / "shared"
    path.mkdir()
    path.chmod(0o1777)
    return path


@pytest.fixture
def precious(public: Path, user: Become) -> Iterator[Path]:
    """A file of the victim's, which nobody may change, nor see."""
    directory = public / "private"
    directory.mkdir(mode=0o700)
    path = directory / "precious"
    path.write_text(PRECIOUS)
    path.chmod(0o600)
    for each in (directory, path):
        os.chown(each, VICTIM, VICTIM)
    yield path
    assert path.read_text() == PRECIOUS
    status = path.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (VICTIM, 0o600)
    assert os.listdir(directory) == ["precious"]


def write(run: Runner, prefix: list[str], path: Path, *more: str) -> Result:
    return run.assume(
        "--format", "json", "--output", str(path), *more, prefix=prefix, cwd="/", umask=0
    )


def act_as(prefix: list[str], script: str, *arguments: object) -> str:
    words = [*prefix, sys.executable, "-I", "-S", "-c", script, *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd="/").stdout


class TestPlanted:
    """By another user in a directory like /tmp, before the run."""

    PLANTS = {  # noqa: RUF012 - a table
        "a link to a file of the victim's": "os.symlink(target, path)",
        "a link to nothing": "os.symlink(path + '-x', path)",
        "a file of one's own": "open(path, 'w').close(); os.chmod(path, 0o666)",
        "a directory": "os.mkdir(path, 0o777)",
        "a FIFO": "os.mkfifo(path, 0o666); os.chmod(path, 0o666)",
    }

    @pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
    @pytest.mark.parametrize("uid", [VICTIM, 0], ids=["user", "root"])
    def test_is_refused_and_left_alone(
        self,
        run: Runner,
        sts: Sts,
        user: Become,
        shared: Path,
        precious: Path,
        plant: str,
        uid: int,
    ) -> None:
        """Before STS is asked, with the reason."""
        path = shared / "creds"
        act_as(
            user(ATTACKER), f"import os, sys; path, target = sys.argv[1:]; {plant}", path, precious
        )
        before = os.lstat(path)
        prefix = user(uid) if uid else []
        write(run, prefix, path).failure(2)
        assert not sts.asked
        assert (os.lstat(path).st_ino, os.lstat(path).st_size) == (before.st_ino, before.st_size)
        assert os.listdir(shared) == ["creds"]

    def test_a_link_at_the_parent_is_refused(
        self, run: Runner, sts: Sts, user: Become, shared: Path, precious: Path
    ) -> None:
        """It would lead into a directory that only the victim may write to."""
        act_as(
            user(ATTACKER),
            "import os, sys; os.symlink(*sys.argv[1:])",
            precious.parent,
            shared / "d",
        )
        failure = write(run, user(VICTIM), shared / "d" / "creds").failure(2)
        assert "symbolic link" in failure.line
        assert not sts.asked

    def test_a_hard_link_to_a_file_of_the_victims_loses_its_name_only(
        self, run: Runner, user: Become, shared: Path, precious: Path
    ) -> None:
        """Made by root here; systems without protected hard links let anyone."""
        os.link(precious, shared / "creds")
        write(run, user(VICTIM), shared / "creds").ok()
        assert (shared / "creds").stat().st_ino != precious.stat().st_ino

    def test_the_name_that_is_used_meanwhile_is_no_way_in(
        self, run: Runner, sts: Sts, user: Become, shared: Path, precious: Path
    ) -> None:
        """It can be guessed: what stands there is neither written to nor moved in place."""
        (shared / "creds").write_text("old")  # replacing needs such a name
        os.chown(shared / "creds", VICTIM, VICTIM)
        aside = shared / ".aws-role-exec-creds"
        for plant in ("os.symlink(target, path)", "open(path, 'w').close()", "os.mkdir(path)"):
            old = "os.utime(path, (0, 0), follow_symlinks=False)"
            script = f"import os, sys; path, target = sys.argv[1:]; {plant}; {old}"
            act_as(user(ATTACKER), script, aside, precious)
            write(run, user(VICTIM), shared / "creds").ok()
            assert sts.issued[-1].access_key in (shared / "creds").read_text()
            assert sorted(os.listdir(shared)) == [".aws-role-exec-creds", "creds"]
            assert os.lstat(aside).st_uid == ATTACKER
            aside.rmdir() if aside.is_dir() and not aside.is_symlink() else aside.unlink()

    def test_nor_where_files_must_have_a_name(
        self, run: Runner, sts: Sts, user: Become, public: Path, needs: Callable[..., str]
    ) -> None:
        """As on NFS: linking fails here, so the file is written under that other name."""
        directory = public / "theirs"
        directory.mkdir(mode=0o755)
        os.chown(directory, ATTACKER, ATTACKER)
        planted = directory / ".aws-role-exec-creds"
        act_as(user(ATTACKER), "import os, sys; os.close(os.open(sys.argv[1], 65, 0o666))", planted)
        strace = [
            needs("strace"),
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=linkat:error=EPERM",
        ]
        with planted.open() as held:
            write(run, strace, directory / "creds").ok()
            assert held.read() == ""
        assert sts.issued[-1].access_key in (directory / "creds").read_text()
        assert (directory / "creds").stat().st_uid == os.geteuid()
        assert sorted(os.listdir(directory)) == [planted.name, "creds"]


# Does its worst with every name it can see or guess, and says what it could read.
RACE = """
import os, sys
directory, target = sys.argv[1:]
os.chdir(directory)
guesses = ["creds", ".aws-role-exec-creds"]
seen = set()
print("ready", flush=True)
def attempt(function, *arguments):
    try:
        return function(*arguments)
    except OSError:
        return None
turn = 0
while os.path.exists("go"):
    turn += 1
    for name in guesses + os.listdir("."):
        if name == "go":
            continue
        descriptor = attempt(os.open, name, os.O_RDONLY | os.O_NONBLOCK)
        if descriptor is not None:
            seen.add(attempt(os.read, descriptor, 10000))
            os.close(descriptor)
        attempt(os.chmod, name, 0o666)
        attempt(os.rename, name, name + "-moved")
        attempt(os.unlink, name)
        if turn % 3 == 0:
            attempt(os.symlink, target, name)
        elif turn % 3 == 1:
            attempt(os.link, target, name)
        else:
            descriptor = attempt(os.open, name, os.O_RDWR | os.O_CREAT, 0o666)
            if descriptor is not None:
                os.close(descriptor)
for name in os.listdir("."):
    attempt(os.unlink, name)
sys.stdout.write(repr(seen))
"""


def race(run: Runner, sts: Sts, attacker: list[str], directory: Path, target: Path,
         turn: Callable[[], Result]) -> list[Result]:  # fmt: skip
    (directory / "go").touch()
    words = [*attacker, sys.executable, "-I", "-S", "-c", RACE, str(directory), str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            results = [turn() for _ in range(6)]
        finally:
            (directory / "go").unlink()
            seen, _ = process.communicate(timeout=60)
    assert not any(secret.encode() in seen for secret in sts.secrets), "the attacker read a secret"
    assert all(result.code in (0, 2, 125) for result in results), results
    return results


class TestRaces:
    def test_in_a_shared_directory(
        self, run: Runner, sts: Sts, user: Become, shared: Path, precious: Path
    ) -> None:
        """Renaming, planting, opening as fast as it goes: nothing is read, nothing overwritten."""

        def turn() -> Result:
            result = write(run, user(VICTIM), shared / "creds")
            if result.code == 0:  # the sticky bit keeps it in place: it is the victim's
                status = os.lstat(shared / "creds")
                assert stat.S_ISREG(status.st_mode)
                assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (VICTIM, 0o600)
                (shared / "creds").unlink()
            return result

        race(run, sts, user(ATTACKER), shared, precious, turn)

    def test_root_writing_into_a_directory_of_the_attackers(
        self, run: Runner, sts: Sts, user: Become, public: Path, precious: Path
    ) -> None:
        """And giving the file to someone: what is given away is the file that was made."""
        directory = public / "theirs"
        directory.mkdir(mode=0o755)
        os.chown(directory, ATTACKER, ATTACKER)

        def turn() -> Result:
            return write(run, [], directory / "creds", "--owner", f"{THIRD}:{THIRD}")

        race(run, sts, user(ATTACKER), directory, precious, turn)

    def test_a_directory_swapped_by_its_owner_while_sts_thinks(
        self, run: Runner, sts: Sts, user: Become, public: Path, precious: Path
    ) -> None:
        """The directory that was checked is the one that is written to."""
        home = public / "home"
        (home / "d").mkdir(parents=True)
        for path in (home, home / "d"):
            os.chown(path, ATTACKER, ATTACKER)
        script = "import os, sys; os.rename('d', 'e'); os.symlink(sys.argv[1], 'd')"

        def swap(conversation: behave.Conversation, asked: behave.Asked) -> None:
            act_as(
                user(ATTACKER),
                f"import os, sys; os.chdir(sys.argv[2]); {script.removeprefix('import os, sys; ')}",
                precious.parent,
                home,
            )
            behave.ok(conversation, asked)

        sts.always(swap)
        write(run, [], home / "d" / "creds", "--owner", str(ATTACKER)).ok()
        assert os.listdir(home / "e") == ["creds"]


class TestOwner:
    @pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
    def test_is_set_before_the_name_can_be_seen(
        self, run: Runner, user: Become, public: Path, umask: int
    ) -> None:
        """Whatever the umask; the file is for its owner alone."""
        path = public / "creds"
        run.assume(
            "--format", "json", "--output", str(path), "--owner", f"{VICTIM}:{THIRD}", umask=umask
        ).ok()
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (VICTIM, THIRD)
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert (
            act_as(user(VICTIM), "import sys; print(open(sys.argv[1]).read()[:1])", path) == "{\n"
        )

    def test_may_be_a_name(self, run: Runner, user: Become, public: Path) -> None:
        """From /etc/passwd and /etc/group; `daemon:` is daemon's login group."""
        for text in ("daemon", "daemon:daemon", "daemon:"):
            write(run, [], public / "creds", "--owner", text).ok()
            assert (public / "creds").owner() == "daemon"
        assert (public / "creds").group() == "daemon"

    def test_a_file_of_the_new_owners_is_replaced(
        self, run: Runner, user: Become, public: Path
    ) -> None:
        """A prolog that runs again, an init container that is restarted."""
        path = public / "creds"
        for _ in range(2):
            write(run, [], path, "--owner", str(VICTIM)).ok()
            assert path.stat().st_uid == VICTIM

    def test_a_third_users_file_is_not(
        self, run: Runner, sts: Sts, user: Become, public: Path
    ) -> None:
        """It is neither root's nor the new owner's."""
        path = public / "creds"
        path.write_text("theirs")
        os.chown(path, THIRD, THIRD)
        write(run, [], path, "--owner", str(VICTIM)).failure(2)
        assert path.read_text() == "theirs"
        assert not sts.asked

    def test_needs_root(self, run: Runner, sts: Sts, user: Become, shared: Path) -> None:
        """Said before STS is asked."""
        failure = write(run, user(VICTIM), shared / "creds", "--owner", str(THIRD)).failure(2)
        assert "only root" in failure.line
        failure = write(run, user(VICTIM), shared / "creds", "--owner", f"{VICTIM}:{THIRD}")
        assert "group" in failure.failure(2).line
        assert not sts.asked

    def test_oneself_and_a_group_of_ones_own_need_no_root(
        self, run: Runner, user: Become, shared: Path
    ) -> None:
        """`--owner me:project --mode 0640`: shared with the group."""
        owner = f"{VICTIM}:{THIRD}"
        write(run, user(VICTIM, [THIRD]), shared / "creds", "--owner", owner, "--mode", "0640").ok()
        status = (shared / "creds").stat()
        assert (status.st_uid, status.st_gid) == (VICTIM, THIRD)
        assert stat.S_IMODE(status.st_mode) == 0o640
        read = "import sys; open(sys.argv[1]).read()"
        act_as(user(THIRD), read, shared / "creds")
        with pytest.raises(subprocess.CalledProcessError):
            act_as(user(ATTACKER), read, shared / "creds")

    def test_a_default_acl_lets_nobody_else_in(
        self, run: Runner, user: Become, public: Path, needs: Callable[..., str]
    ) -> None:
        """Bits for the group would be its mask, and so rights for those it names."""
        directory = public / "d"
        directory.mkdir(mode=0o755)
        acl = f"u:{ATTACKER}:rwx,g:{ATTACKER}:rwx"
        subprocess.run([needs("setfacl", "acl"), "-d", "-m", acl, str(directory)], check=True)
        for mode in ("0600", "0640"):
            write(run, [], directory / "creds", "--owner", f"{VICTIM}:{THIRD}", "--mode", mode).ok()
            read = "import sys; open(sys.argv[1]).read()"
            with pytest.raises(subprocess.CalledProcessError):
                act_as(user(ATTACKER), read, directory / "creds")
            act_as(user(VICTIM), read, directory / "creds")


class TestKubernetes:
    """An init container writes, a worker with another uid reads."""

    def without_capabilities(self, needs: Callable[..., str], *kept: str) -> list[str]:
        """Root as containers have it after `drop: [ALL]`, `add: kept`."""
        caps = ",".join(["-all", *(f"+{name}" for name in kept)])
        return [needs("setpriv", "util-linux"), f"--bounding-set={caps}", "--inh-caps=-all"]

    def test_root_with_cap_chown_alone_is_enough(
        self, run: Runner, user: Become, public: Path, needs: Callable[..., str]
    ) -> None:
        """Also the second time, when the worker's own file stands there."""
        for _ in range(2):
            write(
                run, self.without_capabilities(needs, "chown"), public / "creds", "--owner", "10001"
            ).ok()
        read = "import sys; print(open(sys.argv[1]).read()[:1])"
        assert act_as(user(10001), read, public / "creds") == "{\n"
        assert os.listdir(public) == ["creds"]

    def test_root_without_it_is_told(
        self, run: Runner, sts: Sts, user: Become, public: Path, needs: Callable[..., str]
    ) -> None:
        """Before STS is asked."""
        result = write(run, self.without_capabilities(needs), public / "creds", "--owner", "10001")
        assert "CAP_CHOWN" in (result.failure(2).hint or "")
        assert not sts.asked

    def test_an_empty_dir_needs_a_directory_of_its_own(
        self, run: Runner, sts: Sts, user: Become, public: Path
    ) -> None:
        """Kubernetes makes emptyDir volumes 0777 without the sticky bit (2777 with fsGroup)."""
        volume = public / "aws-creds"
        volume.mkdir()
        volume.chmod(0o2777)
        assert "everyone" in write(run, user(10001), volume / "credentials").failure(2).line
        assert not sts.asked
        own = volume / "own"
        act_as(user(10001), "import os, sys; os.mkdir(sys.argv[1], 0o700)", own)
        for _ in range(2):
            write(run, user(10001), own / "credentials").ok()
        assert own.stat().st_uid == 10001
