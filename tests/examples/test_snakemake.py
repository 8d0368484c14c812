"""Snakemake itself runs the example workflow."""

import shutil

import pytest

from examples.sandbox import (
    EXAMPLES,
    SESSIONS,
    SHORT_SESSION_SECONDS,
    WORKS_ON,
    Ran,
    Sandbox,
    tool,
)
from servers.sts import ACCESS_DENIED


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
        assert [asked["DurationSeconds"] for asked in sandbox.assumed()] == ["1800", "3600"]

    def test_a_rule_takes_longer_than_its_session(self, sandbox: Sandbox) -> None:
        """It works on under its role."""
        sandbox.sts.session_seconds = SHORT_SESSION_SECONDS
        (sandbox.work / "analyze.py").write_text(WORKS_ON.read_text())
        self.snakemake(sandbox, "--config", "samples=[s1]").ok()
        assert len(sandbox.sessions_of("snakemake-compute")) >= SESSIONS

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
