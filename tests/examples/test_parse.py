"""Every example is read by the tool that it is written for, and listed for its readers."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest
import sqlglot
import tree_sitter
import tree_sitter_groovy
import yaml

from examples.sandbox import EXAMPLES, REPOSITORY, tool, tracked_files

FILES = tracked_files(EXAMPLES)
SHELL = [path for path in FILES if path.name.endswith((".sh", ".sh.erb"))]
DOCKERFILES = [path for path in FILES if path.name.startswith("Dockerfile")]
ARCHIVES = {
    *(f"aws-role-exec_{system}.tar.gz" for system in ("linux_amd64", "linux_arm64")),
    *(f"aws-role-exec_{system}.tar.gz" for system in ("darwin_amd64", "darwin_arm64")),
    "aws-role-exec_windows_amd64.zip",
    "aws-role-exec_modulefiles.tar.gz",
}
SCHEMAS = {
    "ci/buildkite.yml": "vendor.buildkite",
    "ci/github-deploy.yml": "vendor.github-workflows",
    "ci/github-later-steps.yml": "vendor.github-workflows",
    "ci/gitlab-ci.yml": "vendor.gitlab-ci",
    "ci/gitlab-dotenv.yml": "vendor.gitlab-ci",
    "containers/docker-compose.yml": "vendor.compose-spec",
}


def name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def check(*command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_every_example_is_listed() -> None:
    """The list of examples names every file, and no file that is not there."""
    index = (EXAMPLES / "README.md").read_text()
    linked = {
        name(inner)
        for target in re.findall(r"\]\(([^)]+)\)", index)
        for inner in (tracked_files(EXAMPLES / target) or [EXAMPLES / target])
    }
    data = {"README.md", "policies/one-table.json"}
    assert linked == {name(path) for path in FILES} - data


@pytest.mark.parametrize("path", SHELL, ids=name)
def test_shell_examples_please_shellcheck(path: Path) -> None:
    """Down to matters of style."""
    check(tool("shellcheck"), "--severity=style", path)


SCRIPTS = [REPOSITORY / "packaging/roles/job-credentials", *REPOSITORY.glob("packaging/*/*.sh")]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_what_is_packaged_pleases_shellcheck(path: Path) -> None:
    """The scripts that schedulers run as root, and the installer."""
    check(tool("shellcheck"), "--severity=style", path)


@pytest.mark.parametrize("path", [path for path in SHELL if path.suffix == ".sh"], ids=name)
def test_shell_examples_parse(path: Path) -> None:
    """bash reads them all; dash those that ask for sh."""
    check("bash", "-n", path)
    if not path.read_text().startswith("#!/bin/bash"):
        check("dash", "-n", path)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_examples_say_what_they_need(path: Path) -> None:
    """A comment or docstring at the top says what it does; a command's says what it needs."""
    text = path.read_text()
    if path.suffix in (".json", ".md"):
        return
    head = "\n".join(text.splitlines()[:20])
    assert re.search(r"(?:^|\n)(?:#|//|--|rem|<%#|\"\"\")", head), "no comment at the top"
    if "aws-role-exec" in text and path.suffix in (".sh", ".yml", ".yaml", ".py"):
        assert re.search(r"Needs|Runs as|cannot write", head)


@pytest.mark.parametrize("path", DOCKERFILES, ids=name)
def test_dockerfiles_please_hadolint(path: Path) -> None:
    """Including its hints."""
    check(tool("hadolint"), "--failure-threshold", "style", path)


@pytest.mark.parametrize(("example", "schema"), SCHEMAS.items())
def test_yaml_fits_its_schema(example: str, schema: str) -> None:
    """GitHub's, GitLab's and compose's own schemas."""
    check(tool("check-jsonschema"), "--builtin-schema", schema, EXAMPLES / example)


@pytest.mark.parametrize("example", ["pod.yaml", "job.yaml"])
def test_what_is_for_kubernetes_fits_it(example: str) -> None:
    """The API's own schema, no unknown fields."""
    check(tool("kubernetes-validate"), "--strict", EXAMPLES / "containers" / example)


def _groovy(source: str) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    return parser.parse(source.encode()).root_node


def test_the_jenkinsfile_is_groovy() -> None:
    """Read by a Groovy grammar; Jenkins' own linter needs a running Jenkins."""
    source = (EXAMPLES / "ci/Jenkinsfile").read_text()
    assert not _groovy(source).has_error
    assert _groovy(source.replace("steps {", "steps", 1)).has_error, "the parser sees mistakes"


def test_queries_are_sql() -> None:
    """In Athena's dialect."""
    for path in tracked_files(EXAMPLES, (".sql",)):
        assert sqlglot.parse_one(path.read_text(), dialect="athena"), name(path)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=name)
def test_python_examples_parse(path: Path) -> None:
    """The PBS hook also under the Python 3.6 that PBS may bring."""
    ast.parse(path.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_policies_are_policies(path: Path) -> None:
    """Every policy in an example is JSON with rights that exist, within what STS takes."""
    for policy in policies(path.read_text()):
        assert set(policy) == {"Version", "Statement"}
        assert len(json.dumps(policy, separators=(",", ":"))) < 2048
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert action in ACTIONS, f"{action} is no IAM action that we know"


ACTIONS = {
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
}


def policies(text: str) -> list[dict]:
    decoder = json.JSONDecoder()
    return [
        decoder.raw_decode(text, found.start())[0]
        for found in re.finditer(r"\{\s*\"Version\": \"2012-10-17\"", text)
    ]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_is_downloaded_is_pinned_and_checked(path: Path) -> None:
    """One version, an archive that releases have, and a sum: nothing changes behind one's back."""
    text = path.read_text()
    urls = re.findall(r"https://github\.com/scttfrdmn/aws-role-exec/releases/\S+", text)
    for url in urls:
        pinned = re.search(
            r"/releases/download/v(\d+\.\d+\.\d+|\$\{?\w*VERSION\}?)(?:/(.*))?$", url
        )
        assert pinned, url
        for arch in ("amd64", "arm64"):
            file = (pinned[2] or "checksums.txt").replace("${TARGETARCH}", arch)
            assert file in {*ARCHIVES, "checksums.txt"}
    assert not urls or "sha256sum --check" in text


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in (".yml", ".yaml")], ids=name)
def test_yaml_has_no_key_twice(path: Path) -> None:
    """PyYAML would take the last one and say nothing."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice in {keys}"
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    assert all(yaml.load_all(path.read_text(), Strict))
