"""A stand-in for pbs_python: run HOOK as MoM does before she starts a job's shell, print what
came of it.

    openpbs.py HOOK '{"job": {"queue": ..., "walltime": ...}, "env": {...}}'

No package of OpenPBS is to be had where the tests run. What the module `pbs` does here is what its
source does (src/modules/python/pbs/v1): accept() and reject() end the hook by SystemExit and
nothing can be changed afterwards; progname and argv are what is started; what a job has not is
None, what no job has is an error; a queue is an object whose str() is its name; variables of PBS's
own are read-only; what is left of the environment is the job's whole environment, joined by commas
in between.
"""

import json
import sys
import types


class Env(dict):
    readonly = False

    def __setitem__(self, name, value):
        if self.readonly or name.startswith("PBS_O_") or name in ("PBS_JOBID", "TMPDIR"):
            raise TypeError(f"env variable '{name}' is readonly")
        super().__setitem__(name, value)

    def __str__(self):
        return ",".join(f"{name}={value}" for name, value in self.items())


class Duration(int):
    def __str__(self):
        return f"{self // 3600:02}:{self // 60 % 60:02}:{self % 60:02}"


class Named:
    """A queue, or a project: not a string, but prints as one."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


def job(queue, euser, walltime=None, project="_pbs_project_default", account=None):
    return types.SimpleNamespace(
        id="1234[5].server",
        queue=Named(queue),
        euser=euser,
        Job_Owner=euser + "@login",
        project=Named(project),
        Account_Name=account,
        Resource_List={"walltime": None if walltime is None else Duration(walltime)},
    )


class Event:
    def __init__(self, given):
        self.job = job(**given["job"])
        self.env = Env(given["env"])
        self.progname = "/bin/bash"
        self.argv = ["-bash"]
        self.verdict = None

    def accept(self, ecode=0):
        self.end("accepted", ecode)

    def reject(self, emsg="", ecode=255):
        self.end(emsg, ecode)

    def end(self, verdict, ecode):
        self.verdict = verdict
        self.env.readonly = True
        raise SystemExit(str(ecode))


hook, given = sys.argv[1:]
event, log = Event(json.loads(given)), []
pbs = types.ModuleType("pbs")
pbs.event = lambda: event
pbs.EVENT_ERROR = 1
pbs.logmsg = lambda level, message: log.append(message)
sys.modules["pbs"] = pbs
with open(hook) as file:
    code = compile(file.read(), hook, "exec")
try:
    exec(code, {"__name__": "__main__"})
except SystemExit:
    assert event.verdict is not None
    rejected = None if event.verdict == "accepted" else event.verdict
    env = dict(pair.split("=", 1) for pair in str(event.env).split(","))
    program = [event.progname, *event.argv]
    print(json.dumps({"rejected": rejected, "program": program, "env": env, "log": log}))
