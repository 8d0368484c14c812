"""The container examples, as far as they go without a container engine."""

import json
import os
import re
import stat

import yaml

from examples.sandbox import EXAMPLES, Sandbox
from servers.metadata import CONTAINER, ContainerCredentials
from servers.sts import ACCESS_DENIED

COMPOSE = yaml.safe_load((EXAMPLES / "containers/docker-compose.yml").read_text())
ACCOUNT, JOB = yaml.safe_load_all((EXAMPLES / "containers/job.yaml").read_text())
TASK = json.loads((EXAMPLES / "containers/ecs-task.json").read_text())
POD = yaml.safe_load((EXAMPLES / "containers/pod.yaml").read_text())


class TestDocker:
    def test_the_run_line_hands_over_no_values(self, sandbox: Sandbox) -> None:
        """Keys would show in the process list; a missing token must not become an empty one."""
        (call,) = sandbox.run(EXAMPLES / "containers/docker-run.sh").ok().calls
        handed_over = [call.argv[i + 1] for i, word in enumerate(call.argv) if word == "-e"]
        assert handed_over == [
            "AWS_ROLE_EXEC_ROLE_ARN=arn:aws:iam::123456789012:role/my-container-role",
            "AWS_ROLE_EXEC_DURATION=2h",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ]
        assert call.argv[-3:] == ["my-image", "python3", "process.py"]

    def test_the_entrypoint_says_what_is_missing(self, sandbox: Sandbox) -> None:
        """Without a role it stops before anything runs."""
        ran = sandbox.run(EXAMPLES / "containers/entrypoint.sh", "python3", "process.py")
        assert ran.code != 0
        assert "say which role to assume" in ran.output
        assert ran.calls == []

    def test_the_entrypoint_takes_a_session_name(self, sandbox: Sandbox) -> None:
        """From the environment, as every option."""
        ran = sandbox.run(
            EXAMPLES / "containers/entrypoint.sh",
            "python3",
            "process.py",
            env={
                "AWS_ROLE_EXEC_ROLE_ARN": "arn:aws:iam::123456789012:role/my-container-role",
                "AWS_ROLE_EXEC_SESSION_NAME": "mine",
            },
        ).ok()
        assert ran.calls[0].role == "my-container-role/mine"


class TestCompose:
    def test_the_service_becomes_its_command(self, sandbox: Sandbox) -> None:
        """Entry point and command together, with the environment that the file gives."""
        service = COMPOSE["services"]["processor"]
        given = {name: value for name, value in service["environment"].items() if value}
        ran = sandbox.run(*service["entrypoint"], *service["command"], env=given).ok()
        (call,) = ran.calls
        assert call.words == "process.py"
        assert (call.role or "").startswith("processor-role/")
        assert sandbox.assumed()[0]["DurationSeconds"] == "7200"
        assert call.pid == ran.pid
        assert "ASIA" not in ran.output, "the keys are in the container's log"


class TestEcs:
    def test_the_container_gets_a_role_of_its_own(self, sandbox: Sandbox) -> None:
        """From the task's role, renewed for as long as the program runs."""
        (container,) = TASK["containerDefinitions"]
        given = {one["name"]: one["value"] for one in container["environment"]}
        sandbox.sts.know(CONTAINER)
        with ContainerCredentials() as agent:
            task = {
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{agent.url}/credentials",
                "AWS_REGION": "eu-west-1",
            }
            command = [*container["entryPoint"], *container["command"]]
            ran = sandbox.run(*command, env={**given, **task}).ok()
        (call,) = ran.calls
        assert call.words == "process.py"
        assert call.role == "nightly-report/nightly-report"
        assert call.pid == ran.pid, "not PID 1: SIGTERM would not reach it"
        assert call.served, "its credentials are not renewed"


class TestKubernetesJob:
    SPEC = JOB["spec"]["template"]["spec"]
    (WORKER,) = SPEC["containers"]

    def command_line(self, variables: dict[str, str]) -> list[str]:
        """What the kubelet starts: `$(NAME)` replaced where it knows NAME."""
        return [
            re.sub(r"\$\((\w+)\)", lambda name: variables.get(name[1], name[0]), word)
            for word in [*self.WORKER["command"], *self.WORKER["args"]]
        ]

    def test_each_part_becomes_its_program(self, sandbox: Sandbox) -> None:
        """Under a session of its own, from the service account's token; of the pod's own identity
        the program sees nothing."""
        token = sandbox.home / "token"
        token.write_text("header.payload.signature")
        base = ACCOUNT["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        irsa = {
            "AWS_ACCESS_KEY_ID": None,
            "AWS_SECRET_ACCESS_KEY": None,
            "AWS_ROLE_ARN": base,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_REGION": "eu-west-1",
        }
        for index in ("0", "7"):
            job = {"JOB_COMPLETION_INDEX": index}
            ran = sandbox.run(*self.command_line(job), env={**irsa, **job}).ok()
            (call,) = ran.calls
            assert call.words == f"process.py --part {index}"
            assert call.role == f"k8s-job-role/annotate-{index}"
            assert call.pid == ran.pid, "not PID 1: a signal would not reach it"
            assert not {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} & set(call.environ)
        first, second, *_ = sandbox.assumed()
        assert (first["RoleArn"], second["RoleArn"]) == (
            base,
            "arn:aws:iam::123456789012:role/k8s-job-role",
        )

    def test_the_pod_is_given_the_identity_that_is_made_here(self) -> None:
        """And no longer to live than its keys."""
        assert self.SPEC["serviceAccountName"] == ACCOUNT["metadata"]["name"]
        assert self.SPEC["activeDeadlineSeconds"] == 3600

    def test_what_no_second_try_mends_is_not_tried_again(self, sandbox: Sandbox) -> None:
        """Exit statuses as they are: a mistake ends the part, a refusal is tried again."""
        (rule,) = JOB["spec"]["podFailurePolicy"]["rules"]
        final = rule["onExitCodes"]["values"]
        assert rule["onExitCodes"]["containerName"] == self.WORKER["name"]
        assert sandbox.run(*self.command_line({})).code in final  # an illegal session name
        words = self.command_line({"JOB_COMPLETION_INDEX": "0"})
        assert sandbox.run(*words[:-4], "no-such-program").code in final
        sandbox.sts.always(ACCESS_DENIED)
        assert sandbox.run(*words).code not in final


class TestKubernetesInit:
    SPEC = POD["spec"]

    def test_the_init_container_leaves_a_file_that_the_worker_finds(self, sandbox: Sandbox) -> None:
        """Where the worker's variable points, for the same user, and again on a restart."""
        (prepare, init), (worker,) = self.SPEC["initContainers"], self.SPEC["containers"]
        (mount,) = init["volumeMounts"]
        volume = sandbox.tmp / "volume"
        volume.mkdir()
        volume.chmod(0o2777)  # as the kubelet makes it for an fsGroup
        arguments = [word.replace(mount["mountPath"], str(volume)) for word in init["args"]]
        env = {"AWS_ROLE_EXEC_SESSION_NAME": "k8s-worker"}
        for _ in range(2):
            words = [word.replace(mount["mountPath"], str(volume)) for word in prepare["command"]]
            sandbox.run(*words).ok()
            ran = sandbox.run("aws-role-exec", *arguments, env=env).ok()
            assert ran.output == ""
        variable = {entry["name"]: entry["value"] for entry in worker["env"]}
        path = variable["AWS_SHARED_CREDENTIALS_FILE"].replace(mount["mountPath"], str(volume))
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path) as file:
            arn = sandbox.identity({}, file.read())
        assert arn == "arn:aws:sts::123456789012:assumed-role/k8s-job-role/k8s-worker"

    def test_both_containers_run_as_one_user(self) -> None:
        """The file is for its owner only."""
        containers = self.SPEC["initContainers"] + self.SPEC["containers"]
        assert all("securityContext" not in container for container in containers)
        context = self.SPEC["securityContext"]
        assert context["runAsUser"] == context["fsGroup"]

    def test_the_worker_is_spared_the_pods_own_identity(self) -> None:
        """Web identity would win over the file."""
        skipped = POD["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"]
        assert skipped == self.SPEC["containers"][0]["name"]

    def test_the_keys_stay_in_memory(self) -> None:
        """And the worker cannot write there."""
        assert self.SPEC["volumes"][0]["emptyDir"]["medium"] == "Memory"
        assert self.SPEC["containers"][0]["volumeMounts"][0]["readOnly"]
