"""A real Slurm of two nodes with accounting, all on this machine's loopback, in five seconds.

No systemd and no cgroups; all its files lie in one directory, and every daemon is a child of
ours that is ended by its process id. A job's credential lives 30 seconds and not Slurm's 120: a
requeued job waits for so long, and on a busy machine one of many launches may take ten.
"""

import contextlib
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner import wait_for
from scheduler.daemons import Daemons, free_ports
from scheduler.site import install

TOOLS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sacct", "sbatch", "srun")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={root}/munge/socket,cred_expire=30
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,sched_interval=2,bf_interval=2,batch_sched_delay=0,default_queue_depth=1000
MessageTimeout=60
TCPTimeout=60
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
KillWait=2
MinJobAge=600
Prolog={root}/prolog.sh
TaskProlog={root}/taskprolog.sh
Epilog={root}/epilog.sh
PrologFlags=Alloc
TmpFS={root}/tmp-%n
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting}
AccountingStoragePass={root}/munge/socket
NodeName=n1 NodeAddr=127.0.0.1 Port={ports[1]} NodeHostname={host} CPUs=128 RealMemory=2000
NodeName=n2 NodeAddr=127.0.0.1 Port={ports[2]} NodeHostname={host} CPUs=128 RealMemory=2000
PartitionName=plain Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=INFINITE State=UP
"""

DATABASE_DAEMON = """\
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
PidFile={root}/slurmdbd.pid
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[1]}
StorageUser=slurm
StorageLoc=slurm_acct_db
"""
DATABASE_SETUP = b"""\
CREATE USER slurm@'127.0.0.1';
GRANT ALL ON slurm_acct_db.* TO slurm@'127.0.0.1';
"""


class Job:
    """A job that was submitted."""

    def __init__(self, cluster: "Cluster", number: str, out: Path) -> None:
        self.cluster = cluster
        self.number = number
        self.out = out

    def __repr__(self) -> str:
        return f"Job({self.number})"

    @property
    def tasks(self) -> list[dict[str, str]]:
        """What `scontrol show job` says of the job, or of each task of an array."""
        shown = self.cluster.command("scontrol", "-o", "show", "job", self.number)
        return [
            dict(word.partition("=")[::2] for word in line.split(" "))
            for line in shown.splitlines()
            if line
        ]

    @property
    def facts(self) -> dict[str, str]:
        """Of the job, or of an array's first task."""
        return self.tasks[0]

    def accounted(self, *, every_run: bool = False) -> list[dict[str, str]]:
        """What `sacct` has of it and its steps: JobID, Account, State, ExitCode of each."""
        options = ["--duplicates"] if every_run else []
        fields = "JobID,Account,State,ExitCode"
        shown = self.cluster.command(
            "sacct", "--parsable2", f"--format={fields}", f"--jobs={self.number}", *options
        )
        names, *rows = [line.split("|") for line in shown.splitlines()]
        return [dict(zip(names, row, strict=True)) for row in rows]

    @property
    def output(self) -> str:
        return self.out.read_text(errors="backslashreplace") if self.out.exists() else ""

    def wait(self, seconds: float = 120) -> dict[str, str]:
        """The facts once it, or every task of it, has ended."""
        wait_for(lambda: not LIVING & {task["JobState"] for task in self.tasks}, seconds)
        return self.facts

    def wait_for_output(self, words: str, seconds: float = 60, times: int = 1) -> str:
        try:
            wait_for(lambda: self.output.count(words) >= times, seconds)
        except AssertionError as error:
            queue = ["squeue", "-h", "-r", f"--jobs={self.number}", "-o", "%i %T %r"]
            error.add_note(self.cluster.command(*queue, may_fail=True))
            raise
        return self.output


LIVING = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED"}


class Cluster(Daemons):
    """The controller, two nodes, and what a user types at them."""

    mark = "SLURM_CONF"

    def __init__(self, program: str) -> None:
        super().__init__("slurm")
        self.program = program

    def start(self) -> None:
        for name in ("munge", "state", "n1", "n2", "tmp-n1", "tmp-n2", "out", "bin"):
            (self.root / name).mkdir(mode=0o755)
        (self.root / "out").chmod(0o1777)
        os.symlink(self.program, self.root / "bin/aws-role-exec")
        # Both nodes are this machine: each has a directory of its own where others have /run.
        (self.root / "run").mkdir()
        install(self.root, "slurm", self.root / "bin", "run/$SLURMD_NODENAME")
        key = self.root / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        munge = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed"}
        options = [f"--{option}={self.root}/munge/{name}" for option, name in munge.items()]
        self.daemon("munged", "-F", f"--log-file={self.root}/munge/log", *options)
        wait_for((self.root / "munge/socket").exists)
        accounting = self._start_accounting()
        text = CONFIGURATION.format(
            root=self.root, ports=free_ports(3), host=socket.gethostname(), accounting=accounting
        )
        (self.root / "slurm.conf").write_text(text)
        # slurmdbd tells no one when it is ready.
        wait_for(lambda: "Adding" in self._account("cluster", "test"), 60)
        self._account("account", "genomics,climate")
        self._account("user", "root,nobody", "account=genomics,climate", "defaultaccount=genomics")
        self.daemon("slurmctld", "-D")
        for node in ("n1", "n2"):
            self.start_node(node)
        wait_for(lambda: self.idle_nodes() == "2")

    def start_node(self, name: str) -> None:
        self.daemon("slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """End its slurmd by SIGKILL; the jobs that it started go on."""
        (slurmd,) = [each for each in self.running if list(each.args)[-1:] == [name]]  # type: ignore[arg-type]
        slurmd.kill()
        slurmd.wait()
        self.running.remove(slurmd)

    def _start_accounting(self) -> int:
        """Start MariaDB and slurmdbd; returns the port of the latter."""
        ports = free_ports(2)
        data = self.root / "database"
        data.mkdir(mode=0o700)
        own = ["--no-defaults", f"--datadir={data}", "--user=root"]
        self.command("mariadb-install-db", *own, "--skip-test-db")
        (self.root / "setup.sql").write_bytes(DATABASE_SETUP)
        self.daemon(
            "mariadbd",
            *own,
            f"--init-file={self.root}/setup.sql",
            f"--socket={self.root}/database.socket",
            f"--pid-file={self.root}/database.pid",
            f"--port={ports[1]}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
        )
        wait_for((self.root / "database.pid").exists, 60)
        configuration = self.root / "slurmdbd.conf"
        configuration.write_text(DATABASE_DAEMON.format(root=self.root, ports=ports))
        configuration.chmod(0o600)
        self.daemon("slurmdbd", "-D")
        return ports[0]

    def _account(self, *what: str) -> str:
        return self.command("sacctmgr", "-i", "add", *what, may_fail=True)

    def end_jobs(self) -> None:
        self.cancel(*set(self.command("squeue", "-h", "-o", "%A").split()))

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        usual = {"LANG": "C.UTF-8", "HOME": "/", "PATH": f"{self.root}/bin:{PATH}"}
        return {**usual, **(env or {}), "SLURM_CONF": f"{self.root}/slurm.conf"}

    def command(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        may_fail: bool = False,
    ) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(
            words,
            env=self.env(env),
            cwd=cwd or self.root / "out",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            text=True,
        )
        assert may_fail or done.returncode == 0, f"{words}: {done.stderr}{done.stdout}"
        return done.stdout

    def idle_nodes(self) -> str:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            return self.command("sinfo", "-h", "-p", "plain", "-t", "idle", "-o", "%D").strip()
        return ""

    def cancel(self, *numbers: str) -> None:
        """End jobs at once, and wait until they are gone."""
        if not numbers:
            return
        for how in (("--full", "--signal=KILL"), ()):
            self.command("scancel", *how, *numbers, may_fail=True)  # ended already
        these = f"--jobs={','.join(numbers)}"
        wait_for(lambda: not self.command("squeue", "-h", these, "-o", "%A").strip(), 30)

    def submit(
        self,
        script: str | Path,
        *words: str,
        env: Mapping[str, str],
        arguments: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Job:
        """`sbatch` a script, or the text of one for bash; its output goes to one file.

        `words` are options of sbatch's, `arguments` are the script's.
        """
        self.files += 1
        out = self.root / "out" / f"{self.files}"
        if isinstance(script, str):
            text, script = script, out.with_suffix(".sh")
            script.write_text(f"#!/bin/bash\n{text}\n")
        command = ["sbatch", "--parsable", f"--output={out}", *words, str(script), *arguments]
        return Job(self, self.command(*command, env=env, cwd=cwd).strip(), out)
