"""Role session names: the word by which CloudTrail tells one job from another."""

from __future__ import annotations

import os
import sys

from aws_role_exec.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 64
SHORTEST = 2
LEGAL_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"
)
"""STS API reference, AssumeRole, RoleSessionName; `\\w` there means ASCII."""
_PREFIX = "aws-role-exec-"
_RANDOM_BYTES = 4


def check(name: str) -> str:
    """Return the name if STS would take it, else raise UsageError showing the nearest legal one."""
    if SHORTEST <= len(name) <= LONGEST and LEGAL_CHARACTERS.issuperset(name):
        return name
    if len(name) < SHORTEST:
        why = f"a session name has at least {SHORTEST} characters"
    elif len(name) > LONGEST:
        why = f"a session name has at most {LONGEST} characters, this one {len(name)}"
    else:
        why = "a session name is made of letters, digits and _+=,.@- only"
    nearest = sanitise(name)
    shown = name if len(name) <= 2 * LONGEST else name[: 2 * LONGEST] + "..."
    raise UsageError(
        f"'{shown}': {why}",
        hint=f"the nearest legal name is {nearest}" if len(nearest) >= SHORTEST else None,
    )


def sanitise(name: str) -> str:
    """Put `-` for each character STS refuses and cut to 64, keeping the end that tells jobs apart.

    >>> sanitise("pbs-1234[5].srv")
    'pbs-1234-5-.srv'
    """
    legal = _replace_illegal(name)
    if len(legal) <= LONGEST:
        return legal
    tail = LONGEST // 2
    return legal[: LONGEST - tail - 1] + "-" + legal[-tail:]


def _replace_illegal(name: str) -> str:
    return "".join(c if c in LEGAL_CHARACTERS else "-" for c in name)


def default(environ: Mapping[str, str]) -> str:
    """Return `aws-role-exec-<user>-<8 random hex digits>`, at most 64 characters."""
    suffix = "-" + os.urandom(_RANDOM_BYTES).hex()
    room = LONGEST - len(_PREFIX) - len(suffix)
    return _PREFIX + _replace_illegal(user(environ))[:room] + suffix


def auto(environ: Mapping[str, str]) -> str:
    """Return a name made of the job that this runs in, legal whatever it holds, else the default.

    Schedulers go before the CI systems that may run in their jobs, and a pod comes last, since
    the others may run in one.
    """
    for find in (_slurm, _pbs, _lsf, _sge, _batch, _github, _gitlab, _jenkins, _kubernetes):
        name = find(environ)
        if name:
            return sanitise(name)
    return default(environ)


def _slurm(environ: Mapping[str, str]) -> str | None:
    # sbatch(1): in an array SLURM_JOB_ID is a number that squeue does not show by itself.
    array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    if array and task:
        return f"slurm-{array}_{task}"
    job = environ.get("SLURM_JOB_ID") or environ.get("SLURM_JOBID")
    return f"slurm-{job}" if job else None


def _pbs(environ: Mapping[str, str]) -> str | None:
    # With the server's name, and in an array with the index in brackets: 1234[5].server.
    job = environ.get("PBS_JOBID")
    return f"pbs-{job}" if job else None


def _lsf(environ: Mapping[str, str]) -> str | None:
    job, index = environ.get("LSB_JOBID"), environ.get("LSB_JOBINDEX", "0")
    if not job:
        return None
    return f"lsf-{job}" if index in ("", "0") else f"lsf-{job}_{index}"


def _sge(environ: Mapping[str, str]) -> str | None:
    # JOB_ID alone may be anyone's. Outside arrays SGE_TASK_ID is the word "undefined".
    job, task = environ.get("JOB_ID"), environ.get("SGE_TASK_ID")
    if not job or not task:
        return None
    return f"sge-{job}" if task == "undefined" else f"sge-{job}_{task}"


def _batch(environ: Mapping[str, str]) -> str | None:
    # In an array it ends in ":" and the index.
    job = environ.get("AWS_BATCH_JOB_ID")
    return f"batch-{job}" if job else None


def _github(environ: Mapping[str, str]) -> str | None:
    run = environ.get("GITHUB_RUN_ID")
    if not run or environ.get("GITHUB_ACTIONS") != "true":
        return None
    return f"github-{run}-{environ.get('GITHUB_RUN_ATTEMPT') or '1'}"


def _gitlab(environ: Mapping[str, str]) -> str | None:
    job = environ.get("CI_JOB_ID")
    return f"gitlab-{job}" if job and environ.get("GITLAB_CI") else None


def _jenkins(environ: Mapping[str, str]) -> str | None:
    # BUILD_TAG is "jenkins-${JOB_NAME}-${BUILD_NUMBER}"; other systems have a BUILD_TAG too.
    if not environ.get("JENKINS_URL"):
        return None
    number = environ.get("BUILD_NUMBER")
    built = f"jenkins-{environ.get('JOB_NAME')}-{number}" if number else None
    return environ.get("BUILD_TAG") or built


def _kubernetes(environ: Mapping[str, str]) -> str | None:
    # The kubelet sets the first; a pod's host name is its own name unless it was told another.
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return None
    name = environ.get("POD_NAME") or environ.get("HOSTNAME")
    if not name and sys.platform != "win32":
        name = os.uname().nodename
    return f"k8s-{name}" if name else None


def user(environ: Mapping[str, str]) -> str:
    """Return who runs this: the passwd entry, else $USER, $LOGNAME or `uid<N>`; never raises.

    Containers and, for a static binary, LDAP accounts have no passwd entry.
    """
    named = environ.get("USER") or environ.get("LOGNAME")
    if sys.platform == "win32":
        return environ.get("USERNAME") or named or "unknown"
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):
        return named or f"uid{os.getuid()}"
