"""Examples run as they stand: the user's program gets the role that the example names."""

import dataclasses
import json
import shlex
import sys
from collections.abc import Mapping

import pytest

from examples.sandbox import EXAMPLES, Sandbox
from runner import wait_for
from servers.sts import ACCESS_DENIED

SLURM_JOB = {"SLURM_JOB_ID": "4711"}
SLURM_TASK = {
    "SLURM_JOB_ID": "4718",  # raw id of task 7: what sacct does not show
    "SLURM_ARRAY_JOB_ID": "4711",
    "SLURM_ARRAY_TASK_ID": "7",
}


@dataclasses.dataclass(frozen=True)
class Example:
    """What comes of running one."""

    path: str
    words: str
    """The command line of the user's program."""
    role: str
    """Role and session that it holds; `*` stands for a default or a clock."""
    seconds: int = 3600
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    becomes: bool = True
    """Whether the script itself becomes the program: same process id."""
    stdin: str = ""
    tools: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the scheduler's own tools print."""

    def __str__(self) -> str:
        return self.path


RUN = [
    Example(
        "shell/cross-account.sh",
        "aws s3 ls s3://partner-data-bucket/",
        "cross-account-data-reader/cross-account-alice",
    ),
    Example(
        "shell/mfa.sh",
        "aws iam list-users",
        "admin/*",
        env={"AWS_ROLE_EXEC_MFA_CODE": "123456"},  # where no terminal is
    ),
    Example("policies/read-one-project.sh", "etl.py --project project-x", "full-data-lake-role/*"),
    Example("policies/one-table.sh", "data-migrator", "db-admin/*"),
    Example(
        "policies/read-only-backup.sh",
        "aws s3 sync s3://my-bucket/ ./local-backup/",
        "rw-role/*",
    ),
    Example("files/terraform.sh", "terraform apply", "my-role/*", becomes=False),
    Example("files/pulumi.sh", "pulumi up", "my-role/*", becomes=False),
    Example("files/ansible.sh", "ansible-playbook playbook.yml", "my-role/*", becomes=False),
    Example(
        "containers/entrypoint.sh",
        "process.py --all 'a b'",
        "my-container-role/container-*",
        seconds=7200,
        env={
            "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/my-container-role",
            "AWS_ROLE_EXEC_DURATION": "2h",
        },
        arguments=("python3", "process.py", "--all", "'a b'"),
    ),
    Example(
        "slurm/job.sh",
        "train.py --data s3://research-bucket/training-data/ "
        "--output s3://research-bucket/model-outputs/run-4711/",
        "hpc-ml-training/slurm-4711",
        seconds=3600,
        env=SLURM_JOB,
    ),
    Example(
        "slurm/array.sh",
        "run_inference.py --chunk 7",
        "hpc-inference/slurm-4711_7",
        env=SLURM_TASK,
    ),
    Example(
        "slurm/mpi.sh",
        "srun ./simulation --checkpoint-bucket s3://sim-bucket/checkpoints/",
        "hpc-simulation-s3/slurm-4711",
        seconds=28800,
        env=SLURM_JOB,
    ),
    Example(
        "pbs/job.sh",
        "train.py",
        "hpc-pbs-worker/pbs-1234-5-.server",
        seconds=3000,
        env={"PBS_JOBID": "1234[5].server"},
        tools={
            "qstat": "Job Id: 1234[5].server\n"
            "    resources_used.walltime = 00:10:00\n"
            "    Resource_List.walltime = 01:00:00\n"
        },
    ),
    Example(
        "sge/job.sh",
        "train.py",
        "hpc-sge-worker/sge-4711",
        seconds=14400,
        env={"JOB_ID": "4711", "SGE_TASK_ID": "undefined"},
        tools={"qstat": "hard resource_list:         h_rt=14400\n"},
    ),
    Example(
        "sge/array.sh",
        "run_inference.py --chunk 7",
        "hpc-inference/sge-4711_7",
        seconds=3600,
        env={"JOB_ID": "4711", "SGE_TASK_ID": "7"},
        tools={"qstat": "hard resource_list:         h_rt=3600\n"},
    ),
    Example(
        "lsf/job.sh",
        "run_inference.py --chunk 7",
        "hpc-lsf-worker/lsf-4711_7",
        seconds=14340,
        env={"LSB_JOBID": "4711", "LSB_JOBINDEX": "7"},
        tools={"bjobs": "3:59 L\n"},
    ),
    Example(
        "bedrock/annotate-array.sh",
        "annotate_chunk.py --chunk 7 --input s3://genomics-bucket/sequences/ "
        "--output s3://genomics-bucket/annotations/",
        "hpc-bedrock-annotate/annot-4711_7",
        env=SLURM_TASK,
    ),
    Example(
        "bedrock/summarize.sh",
        "summarize_output.py --model amazon.nova-pro-v1:0 "
        "--data /scratch/sim-outputs/run-4710/ --report s3://climate-bucket/reports/run-4710.md",
        "hpc-bedrock-nova/climate-summary-4711",
        seconds=1800,
        env=SLURM_JOB,
        arguments=("4710",),
    ),
    Example(
        "bedrock/batch-submit.sh",
        "submit_batch_inference.py --model amazon.nova-lite-v1:0 "
        "--input-s3 s3://research-bucket/prompts/batch-001.jsonl "
        "--output-s3 s3://research-bucket/results/batch-001/ "
        "--role-arn arn:aws:iam::123456789012:role/bedrock-batch-execution",
        "hpc-bedrock-batch/batch-submit-4711",
        seconds=900,  # ten minutes of walltime, rounded up
        env=SLURM_JOB,
    ),
    Example("bedrock/interactive.sh", "interactive_analysis.py", "hpc-bedrock-full/*"),
    Example(
        "open-ondemand/adapter.sh",
        "ood-aws-batch-adapter submit",
        "ood-adapter-role/ood-adapter-alice",
        env={"JOB_SPEC_JSON": '{"job": "x"}'},
    ),
]


def matches(role: str | None, expected: str) -> bool:
    if role is None:
        return False
    return role.startswith(expected[:-1]) if expected.endswith("*") else role == expected


@pytest.mark.parametrize("example", RUN, ids=str)
def test_the_program_runs_under_the_role(sandbox: Sandbox, example: Example) -> None:
    """Same words, the role that was named, and nothing of the caller's identity."""
    for name, printed in example.tools.items():
        sandbox.script(name, f"printf %s {shlex.quote(printed)}")
    ran = sandbox.run(EXAMPLES / example.path, *example.arguments, env=example.env).ok()
    call = ran.calls[0]
    assert call.words == example.words
    assert matches(call.role, example.role), call.arn
    assert call.environ.get("AWS_PROFILE") in (None, "aws-role-exec")  # ours, under --renew
    assert not [name for name in call.environ if name.startswith("AWS_ROLE_EXEC_")]
    (asked,) = sandbox.assumed()
    assert asked["DurationSeconds"] == str(example.seconds)
    if example.becomes:
        assert call.pid == ran.pid, "a process was left in front of the program"
    wait_for(lambda: not list(sandbox.tmp.iterdir()))  # nothing is left behind


@pytest.mark.parametrize("example", RUN, ids=str)
def test_nothing_runs_when_sts_refuses(sandbox: Sandbox, example: Example) -> None:
    """The example fails, and the user's program never starts under another identity."""
    sandbox.sts.always(ACCESS_DENIED)
    ran = sandbox.run(EXAMPLES / example.path, *example.arguments, env=example.env)
    assert ran.code == 125, ran.output
    assert ran.calls == []
    wait_for(lambda: not list(sandbox.tmp.iterdir()))  # nothing is left behind


POLICIES = {
    "policies/read-one-project.sh": ["s3:ListBucket", "s3:GetObject"],
    "policies/one-table.sh": [["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]],
    "policies/read-only-backup.sh": [["s3:GetObject", "s3:ListBucket"]],
    "bedrock/annotate-array.sh": ["bedrock:InvokeModel", "s3:GetObject", "s3:PutObject"],
    "bedrock/interactive.sh": [["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]],
}


@pytest.mark.parametrize(("path", "actions"), POLICIES.items())
def test_the_policy_reaches_sts(sandbox: Sandbox, path: str, actions: list) -> None:
    """A session policy narrows only if it is sent."""
    sandbox.run(EXAMPLES / path, env=SLURM_TASK).ok()
    (asked,) = sandbox.assumed()
    sent = json.loads(asked["Policy"])["Statement"]
    assert [statement["Action"] for statement in sent] == actions


class TestShell:
    """The shell examples that take more than one line."""

    def test_a_subshell_holds_the_role_and_leaves_the_caller_alone(self, sandbox: Sandbox) -> None:
        """What is typed in it runs under the role; what comes after runs as before."""
        ran = sandbox.run(
            "sh",
            "-c",
            f"{EXAMPLES}/shell/subshell.sh; aws after",
            stdin="aws sts get-caller-identity\n",
        ).ok()
        inside, after = ran.calls
        assert inside.role == "prod-admin/prod-investigation-alice"
        assert after.arn == "arn:aws:iam::123456789012:user/alice"
        assert sandbox.assumed()[0]["DurationSeconds"] == "1800"

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_become_and_step_back(self, sandbox: Sandbox, shell: str) -> None:
        """The functions of become.sh, in the shell that sources it."""
        ran = sandbox.run(
            shell,
            "-c",
            f". {EXAMPLES}/shell/become.sh; become_readonly && aws s3 ls; become_myself; aws after",
            env={"AWS_PROFILE": "mine"},
        )
        whoami, listing, after = ran.calls
        assert whoami.words == "aws sts get-caller-identity"
        assert whoami.role is not None
        assert whoami.role.startswith("admin-readonly/")
        assert "AWS_PROFILE" not in listing.environ
        assert after.arn is None
        assert "ASIA" not in ran.output

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_become_does_not_change_the_shell_when_sts_refuses(
        self, sandbox: Sandbox, shell: str
    ) -> None:
        """It says so, and `&&` stops what was to come."""
        sandbox.sts.always(ACCESS_DENIED)
        ran = sandbox.run(
            shell, "-c", f". {EXAMPLES}/shell/become.sh; become_readonly && aws s3 ls; aws after"
        )
        (after,) = ran.calls
        assert after.words == "aws after"
        assert after.arn == "arn:aws:iam::123456789012:user/alice"


class TestMpi:
    def test_every_rank_holds_the_role_from_one_call(self, sandbox: Sandbox) -> None:
        """The launcher hands the environment on; STS was asked once."""
        ran = sandbox.run(EXAMPLES / "slurm/mpi.sh", env=SLURM_JOB).ok()
        ranks = [call for call in ran.calls if call.name == "simulation"]
        assert len(ranks) == 2
        assert {rank.role for rank in ranks} == {"hpc-simulation-s3/slurm-4711"}
        assert len(sandbox.assumed()) == 1


class TestChain:
    def test_the_second_job_waits_for_the_first(self, sandbox: Sandbox) -> None:
        """By sbatch's command line, and it is told which run to summarise."""
        ran = sandbox.run(EXAMPLES / "bedrock/submit-chain.sh").ok()
        assert [call.words for call in ran.calls] == [
            "sbatch --parsable simulate.sh",
            "sbatch --dependency=afterok:4711 summarize.sh 4711",
        ]


class TestAdapter:
    def test_the_specification_arrives(self, sandbox: Sandbox) -> None:
        """On standard input, untouched."""
        ran = sandbox.run(
            EXAMPLES / "open-ondemand/adapter.sh", env={"JOB_SPEC_JSON": '{"job": "ä"}'}
        ).ok()
        assert ran.calls[0].stdin == '{"job": "ä"}\n'


class TestPython:
    def test_a_program_is_under_the_role(self, sandbox: Sandbox) -> None:
        """The program's session, not its process."""
        ran = sandbox.run(sys.executable, EXAMPLES / "python/report.py").ok()
        assert ":assumed-role/reader/" in ran.output
        (asked,) = sandbox.assumed()
        assert (asked["ExternalId"], asked["Tags.member.1.Key"]) == ("reports-42", "project")

    def test_a_refusal_ends_it_with_the_reason(self, sandbox: Sandbox) -> None:
        sandbox.sts.always(ACCESS_DENIED)
        ran = sandbox.run(sys.executable, EXAMPLES / "python/report.py")
        assert ran.code == 1
        assert ran.output.startswith("report: assuming arn:aws:iam::123456789012:role/reader: ")
        assert "trust policy" in ran.output
