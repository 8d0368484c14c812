"""Write the Homebrew formula, for both systems and both processors."""

from __future__ import annotations

from release.record import (
    Refused,
    Release,
    write,
)

HOMEBREW = {"linux": "on_linux", "darwin": "on_macos", "arm64": "on_arm", "amd64": "on_intel"}


def run(release: Release) -> None:
    """Do the step."""
    blocks = []
    for system in ("darwin", "linux"):
        inner = []
        for arch in ("arm64", "amd64"):
            archives = release.of("Archive", os=system, arch=arch)
            if not archives:
                raise Refused(f"the formula needs an archive for {system}_{arch}: there is none")
            (one,) = archives
            inner.append(
                f"    {HOMEBREW[arch]} do\n"
                f'      url "{release.url(one)}"\n'
                f'      sha256 "{one["sha256"]}"\n'
                "    end\n"
            )
        blocks.append(f"  {HOMEBREW[system]} do\n" + "\n".join(inner) + "  end\n")
    text = FORMULA
    for key in ("description", "homepage", "license"):
        text = text.replace(f"@{key}@", release.project[key])
    text = text.replace("@version@", release.version).replace("@blocks@", "\n".join(blocks))
    release.add(write(release.dist / "homebrew" / f"{release.name}.rb", text), "Formula")


FORMULA = """\
class AwsRoleExec < Formula
  desc "@description@"
  homepage "@homepage@"
  version "@version@"
  license "@license@"

@blocks@
  def install
    bin.install "aws-role-exec"
    man1.install "share/man/man1/aws-role-exec.1"
    bash_completion.install "share/bash-completion/completions/aws-role-exec"
    zsh_completion.install "share/zsh/site-functions/_aws-role-exec"
    fish_completion.install "share/fish/vendor_completions.d/aws-role-exec.fish"
  end

  test do
    assert_match version.major_minor_patch.to_s, shell_output("#{bin}/aws-role-exec --version")
    arn = "arn:aws:iam::123456789012:role/my-role"
    asked = "--role-arn #{arn} --region us-east-1 --dry-run"
    output = shell_output("#{bin}/aws-role-exec #{asked} 2>&1")
    assert_match "would assume #{arn}", output
  end
end
"""
