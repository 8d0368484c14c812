"""Notebooks, Open OnDemand, Nextflow and Snakemake."""

import os
import re
import shutil
import stat

import pytest

from examples.sandbox import EXAMPLES, Ran, Sandbox, tool
from servers.sts import ACCESS_DENIED


class TestOpenOnDemand:
    def test_the_server_starts_under_the_role_for_as_long_as_the_form_says(
        self, sandbox: Sandbox
    ) -> None:
        """The settings that before.sh leaves are the ones that the server is given."""
        before = (EXAMPLES / "open-ondemand/before.sh.erb").read_text()
        script = (EXAMPLES / "open-ondemand/script.sh.erb").read_text()
        assert re.findall(r"<%.*?%>", script) == ["<%= [context.bc_num_hours.to_i, 12].min %>"]
        (sandbox.work / "script.sh").write_text(re.sub(r"<%.*?%>", "4", script))
        wrapper = (
            "find_port() { echo 4242; }; create_passwd() { echo secret; }; host=node1\n"
            f"{before}\nbash ./script.sh\n"
        )
        ran = sandbox.run("bash", "-c", wrapper, env={"SLURM_JOB_ID": "4711"}).ok()
        (call,) = ran.calls
        config = sandbox.work / "jupyter_config.py"
        assert call.words == f"jupyter lab --config={config}"
        assert call.role == "ood-jupyter/ood-alice-4711"
        assert call.cwd == str(sandbox.home)
        assert sandbox.assumed()[0]["DurationSeconds"] == "14400"
        assert stat.S_IMODE(os.stat(config).st_mode) == 0o600
        assert 'base_url = "/node/node1/4242/"' in config.read_text()


class TestSnakemake:
    def snakemake(self, sandbox: Sandbox, *arguments: str) -> Ran:
        shutil.copy(EXAMPLES / "workflows/Snakefile", sandbox.work)
        command = [tool("snakemake"), "--cores", "1", "--nocolor", *arguments]
        return sandbox.run(*command, env={"SHELL": "/bin/bash"})

    def test_each_rule_runs_under_its_role(self, sandbox: Sandbox) -> None:
        """A real Snakemake runs the whole workflow."""
        ran = self.snakemake(sandbox, "--config", "samples=[s1]").ok()
        assert [(call.words, call.role) for call in ran.calls] == [
            (
                "aws s3 cp s3://raw-data/s1.fastq.gz data/s1.fastq.gz",
                "snakemake-s3-reader/snakemake-download-s1",
            ),
            (
                "analyze.py --input data/s1.fastq.gz --output results/s1.tsv",
                "snakemake-compute/snakemake-s1",
            ),
        ]
        assert [asked["DurationSeconds"] for asked in sandbox.assumed()] == ["1800", "14400"]

    @pytest.mark.parametrize("sample", ["a b", "x" * 60])
    def test_a_sample_that_sts_would_refuse_is_found_early(
        self, sandbox: Sandbox, sample: str
    ) -> None:
        """No rule makes it, so nothing is run."""
        ran = self.snakemake(sandbox, "--config", f"samples=['{sample}']")
        assert ran.code != 0
        assert sandbox.assumed() == []

    def test_a_refusal_fails_the_rule(self, sandbox: Sandbox) -> None:
        """And nothing that depends on it runs."""
        sandbox.sts.always(ACCESS_DENIED)
        ran = self.snakemake(sandbox)
        assert ran.code == 1
        assert ran.calls == []
