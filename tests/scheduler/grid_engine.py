"""A real Grid Engine of one host, on this machine, in seconds.

Debian's packages are unpacked, not installed: all its files lie in one directory, and both
daemons are children of ours that are ended by their process id. It can be told its ports and not
its address; it talks to no host but this one.
"""

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner import wait_for
from scheduler.daemons import Daemons, free_ports
from scheduler.site import install

PACKAGES = ("gridengine-client", "gridengine-common", "gridengine-exec", "gridengine-master")
ARCHITECTURE = "lx-amd64"
BOOTSTRAP = """\
admin_user none
default_domain none
ignore_fqdn false
spooling_method classic
spooling_lib libspoolc
spooling_params {root}/default/common;{root}/spool/qmaster
binary_path {root}/bin
qmaster_spool_dir {root}/spool/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
# Changes to the packages' own configuration, scheduler and queue.
GLOBAL = {
    "execd_spool_dir": "{root}/spool/execd",
    "mailer": "/bin/true",
    "login_shells": "none",  # /etc/profile would set PATH
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:01",
    "reporting_params": "accounting=true reporting=false accounting_flush_time=00:00:00"
    " flush_time=00:00:01 joblog=false",
}
SCHEDULER = {
    "schedule_interval": "0:0:1",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
    "job_load_adjustments": "NONE",
}
QUEUE = {
    "hostlist": "localhost",
    "load_thresholds": "NONE",
    "slots": "100",
    "pe_list": "NONE",
    "rerun": "TRUE",
    "notify": "00:00:02",
    "prolog": "root@{root}/prolog.sh",
    "epilog": "root@{root}/epilog.sh",
}
QUEUES = ("plain.q", "gpu.q")
PROJECT = "name climate\noticket 0\nfshare 0\nacl NONE\nxacl NONE\n"


class Job:
    """A job that was submitted."""

    def __init__(self, cell: "GridEngine", number: str, out: Path) -> None:
        self.cell = cell
        self.number = number
        self.out = out

    def __repr__(self) -> str:
        return f"Job({self.number})"

    @property
    def output(self) -> str:
        """All that the job wrote, or the tasks of an array."""
        files = sorted(self.out.parent.glob(f"{self.out.name}*"))
        return "".join(
            file.read_text(errors="backslashreplace") for file in files if file.suffix != ".sh"
        )

    @property
    def states(self) -> list[str]:
        """What qstat calls the state of the job, or of each task that it still has."""
        rows = [line.split() for line in self.cell.command("qstat", "-u", "*").splitlines()]
        return [row[4] for row in rows if row and row[0] == self.number]

    def accounted(self) -> list[dict[str, str]]:
        """What `qacct` has of it, or of each of its tasks."""
        text = self.cell.command("qacct", "-j", self.number, may_fail=True)
        records = text.split("Total System Usage", maxsplit=1)[0].split("=" * 62 + "\n")
        return [
            {
                words[0]: words[1].strip()
                for line in record.splitlines()
                if (words := line.split(None, 1))[1:]
            }
            for record in records
            if record.strip()
        ]

    def wait(self, seconds: float = 120) -> dict[str, str]:
        """Its account once it has ended; of an array, the first task's."""
        wait_for(lambda: not self.states and self.accounted(), seconds)
        return self.accounted()[0]

    def wait_for_output(self, words: str, seconds: float = 60) -> str:
        wait_for(lambda: words in self.output, seconds)
        return self.output


class GridEngine(Daemons):
    """The master, one execution host, and what a user types at them."""

    mark = "SGE_ROOT"

    def __init__(self, program: str) -> None:
        super().__init__("sge")
        self.program = program
        self.ports = free_ports(2)

    def start(self) -> None:
        self._unpack()
        self._configure_and_start()

    def _unpack(self) -> None:
        place = self.root / "packages"
        place.mkdir(mode=0o755)
        download = ["apt-get", "download", "-qq", *PACKAGES]
        try:
            _prepare(*download, cwd=place)
        except AssertionError:  # the package lists may be absent or too old
            _prepare("apt-get", "update", "-qq", cwd=place)
            _prepare(*download, cwd=place)
        for package in place.glob("*.deb"):
            _prepare("dpkg", "-x", str(package), str(place), cwd=place)
        for name in ("bin", "lib", "out", "programs", "default/common/local_conf"):
            (self.root / name).mkdir(mode=0o755, parents=True)
        for name in ("qmaster", "execd"):
            (self.root / "spool" / name).mkdir(mode=0o755, parents=True)
        (place / "usr/lib/gridengine").rename(self.root / "bin" / ARCHITECTURE)
        (place / "usr/share/gridengine/util").rename(self.root / "util")
        (place / "usr/share/gridengine/default-configuration").rename(self.root / "configuration")
        (self.root / "lib" / ARCHITECTURE).symlink_to(self.root / "bin" / ARCHITECTURE)
        # Debian has them look for their spooling library where the package would install it;
        # without a directory they look along the library path, as they do elsewhere.
        installed = b"/usr/lib/gridengine/%s%s\0"
        for name in ("sge_qmaster", "spoolinit", "spooldefaults.bin"):
            program = self.root / "bin" / ARCHITECTURE / name
            text = program.read_bytes()
            assert text.count(installed) == 1
            program.write_bytes(text.replace(installed, b"%s%s".ljust(len(installed), b"\0")))

    def _configure_and_start(self) -> None:
        (self.root / "out").chmod(0o1777)
        os.symlink(self.program, self.root / "programs/aws-role-exec")
        install(self.root, "sge", self.root / "programs")
        common = self.root / "default/common"
        (common / "bootstrap").write_text(BOOTSTRAP.format(root=self.root))
        (common / "act_qmaster").write_text("localhost\n")
        # This host under all its names.
        names = {socket.gethostname(), socket.getfqdn(), socket.gethostbyaddr("127.0.0.1")[0]}
        (common / "host_aliases").write_text(f"localhost {' '.join(sorted(names))}\n")
        changed = self._change((self.root / "configuration").read_text(), GLOBAL)
        (self.root / "configuration").write_text(changed)
        places = f"{common};{self.root}/spool/qmaster"
        self.command("spoolinit", "classic", "libspoolc", places, "init")
        resources = self.root / "util/resources"
        for what, where in (
            ("configuration", self.root / "configuration"),
            ("complexes", resources / "centry"),
            ("usersets", resources / "usersets"),
            ("managers", "root"),
        ):
            self.command("spooldefaults.bin", what, str(where))
        self._daemon("sge_qmaster")
        wait_for(lambda: self.command("qconf", "-sh", may_fail=True))
        for host in ("-ah", "-as"):  # administration, submission
            self.command("qconf", host, "localhost", may_fail=True)
        self._configure("-Msconf", self._change(self.command("qconf", "-ssconf"), SCHEDULER))
        self._configure("-Aprj", PROJECT)
        self._daemon("sge_execd")
        wait_for(lambda: "localhost" in self.command("qconf", "-sel", may_fail=True))
        for queue in QUEUES:
            changes = {**QUEUE, "qname": queue}
            self._configure("-Aq", self._change(self.command("qconf", "-sq"), changes))
        wait_for(lambda: set(self.queues().values()) == {""})

    def _change(self, text: str, changes: Mapping[str, str]) -> str:
        """Text of `name value` lines with some values changed."""
        present = dict((*line.split(None, 1), "")[:2] for line in text.splitlines() if line)
        assert changes.keys() <= present.keys()
        filled = {name: value.format(root=self.root) for name, value in changes.items()}
        return "".join(f"{name} {value}\n" for name, value in {**present, **filled}.items())

    def _configure(self, option: str, text: str) -> None:
        file = self.root / "change"
        file.write_text(text)
        self.command("qconf", option, str(file))

    def _daemon(self, name: str) -> None:
        # Before each program the shepherd closes every descriptor that there could be.
        command = ["prlimit", "--nofile=1024", str(self.root / "bin" / ARCHITECTURE / name)]
        self.daemon(*command, env={"SGE_ND": "1"})  # stays in the foreground

    def end_jobs(self) -> None:
        self.cancel("-u", "*")

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        path = f"{self.root}/programs:{self.root}/bin/{ARCHITECTURE}:/usr/local/bin:/usr/bin:/bin"
        return {
            **{"LANG": "C.UTF-8", "HOME": "/", "PATH": path},
            **(env or {}),
            "SGE_ROOT": str(self.root),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(self.ports[0]),
            "SGE_EXECD_PORT": str(self.ports[1]),
        }

    def command(
        self,
        *words: str,
        user: int = 0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        may_fail: bool = False,
    ) -> str:
        """What one of Grid Engine's commands prints."""
        done = subprocess.run(
            [self.root / "bin" / ARCHITECTURE / words[0], *words[1:]],
            env=self.env(env),
            cwd=cwd or self.root / "out",
            user=user,
            group=user,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            text=True,
        )
        if done.returncode and may_fail:
            return ""
        assert done.returncode == 0, f"{words}: {done.stdout}"
        return done.stdout

    def queues(self) -> dict[str, str]:
        """The state of each queue: empty if all is well, E in error, u if its host is unknown."""
        lines = [line.split() for line in self.command("qstat", "-f").splitlines()]
        rows = [line for line in lines if line and "@" in line[0]]
        return {row[0].partition("@")[0]: "".join(row[5:]) for row in rows}

    def cancel(self, *which: str) -> None:
        """End jobs, and wait until they are gone."""
        self.command("qdel", *which, may_fail=True)  # ended already
        numbers = {word for word in which if word.isdigit()}

        def left() -> bool:
            lines = self.command("qstat", "-u", "*").splitlines()[2:]
            return any(not numbers or line.split()[0] in numbers for line in lines)

        wait_for(lambda: not left(), 60)

    def submit(
        self,
        script: str | Path,
        *options: str,
        user: int = 0,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Job:
        """`qsub` a script with nothing in its environment but PATH and `env`, or the text of one
        for bash; its output goes to one file, of each task if it is an array."""
        self.files += 1
        out = self.root / "out" / f"job{self.files}-"
        if isinstance(script, str):
            text, script = script, out.with_suffix(".sh")
            script.write_text(f"#$ -S /bin/bash\n{text}\n")
        variables = {"PATH": self.env()["PATH"], **(env or {})}
        words = [word for name in variables for word in ("-v", name)]
        task = "$TASK_ID" if "-t" in options else ""
        command = ["qsub", "-terse", "-cwd", "-j", "y", "-o", f"{out}{task}", *words, *options]
        answer = self.command(*command, str(script), *arguments, user=user, env=variables, cwd=cwd)
        return Job(self, answer.split()[-1].partition(".")[0], out)


def _prepare(*words: str, cwd: Path) -> None:
    """Run a tool of the set-up; what it said is told if it fails."""
    done = subprocess.run(
        words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    assert done.returncode == 0, f"{words}: {done.stdout}"
