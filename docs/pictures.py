"""The pictures of docs/, drawn; docs/generate.py writes them to docs/pictures/."""

from __future__ import annotations

from drawing import arrow, box, picture, text


def chain() -> str:
    """Return what decides how long a session lasts: the source credentials."""
    shapes = [
        box(20, 20, 230, ["an IAM user's keys", "on a laptop"]),
        box(20, 92, 230, ["an OIDC token", "GitHub, GitLab, Buildkite, EKS"]),
        box(20, 180, 230, ["a role session", "instance profile, ECS task, SSO"]),
        arrow(250, 48, 444, 48, "AssumeRole"),
        arrow(250, 120, 444, 120, "AssumeRoleWithWebIdentity"),
        arrow(250, 208, 444, 208, "AssumeRole"),
        box(450, 20, 160, ["first role", "up to 12 hours"], "ours"),
        box(450, 92, 160, ["first role", "up to 12 hours"], "ours"),
        box(450, 180, 160, ["first role", "1 hour"], "ours"),
        arrow(610, 48, 724, 108),
        arrow(610, 120, 724, 128),
        arrow(610, 208, 724, 150),
        text(795, 84, "AssumeRole", "note"),
        box(730, 100, 130, ["second role", "1 hour"], "ours"),
        text(440, 268, "A role assumed by a role session lasts one hour: role chaining."),
    ]
    return picture(880, 294, "The source credentials decide how long a session lasts", shapes)


def renewal() -> str:
    """Return sessions that take turns below one command, over three hours."""
    hour, left = 220, 150

    def at(hours: float) -> int:
        return left + round(hour * hours)

    def bar(start: float, end: float, y: int, kind: str) -> str:
        width = at(end) - at(start)
        return f'<rect class="{kind}" x="{at(start)}" y="{y}" width="{width}" height="26" rx="4"/>'

    shapes = [
        text(20, 43, "your command", anchor="start"),
        bar(0, 3, 30, "box"),
        text(at(1.5), 43, "one process, from beginning to end", "note"),
        text(20, 103, "sessions of", anchor="start"),
        text(20, 121, "the role", anchor="start"),
    ]
    takes_over = 2 / 3  # of an hour: renewed when a third of it is left
    for number in range(4):
        start, y = number * takes_over, 78 + 34 * number
        end = min(start + 1, 3)
        shapes += [
            bar(start, end, y, "faint"),
            bar(start, min(start + takes_over, end), y, "ours"),
            text(at(start) + 8, y + 13, f"session {number + 1}", "note", "start"),
        ]
    shapes += [
        *(
            f'<path class="line" stroke-dasharray="3 4" d="M{at(hours)} 62V226"/>'
            for hours in (0, 1, 2, 3)
        ),
        *(
            text(at(hours), 240, words, "note")
            for hours, words in enumerate(("start", "1 hour", "2 hours", "3 hours"))
        ),
        text(
            440,
            274,
            "Filled: what SDKs get from the helper. Gray: still valid, in case STS is unreachable.",
            "note",
        ),
    ]
    return picture(880, 300, "Sessions are renewed ahead of their end", shapes)


def prolog() -> str:
    """Return how a Slurm job gets the role that the map has for it."""
    shapes = [
        text(20, 26, "as root, when the job gets its node", "note", "start"),
        box(20, 44, 150, ["slurmd", "PrologFlags=Alloc"]),
        arrow(170, 72, 214, 72),
        box(220, 44, 190, ["prolog.sh", "partition, account, user"], "ours"),
        arrow(410, 72, 454, 72),
        box(460, 44, 190, ["job-credentials", "roles.map: which role"], "ours"),
        arrow(650, 72, 714, 72, "calls"),
        box(720, 44, 140, ["STS", "from the node's role"]),
        arrow(555, 100, 555, 146),
        box(
            410, 152, 290, ["the job's credentials", "a file of its user's, or a helper's address"]
        ),
        text(20, 178, "as the job's user", "note", "start"),
        box(20, 224, 150, ["slurmstepd", "each task"]),
        arrow(170, 252, 214, 252),
        box(220, 224, 190, ["taskprolog.sh", "variables, or it stops the task"], "ours"),
        arrow(470, 208, 412, 240, ""),
        arrow(410, 262, 714, 262, "the task's environment"),
        box(720, 224, 140, ["the job", "unchanged script"]),
        text(20, 316, "as root, after the job", "note", "start"),
        box(220, 298, 190, ["epilog.sh", "removes them"], "ours"),
    ]
    return picture(880, 366, "How a Slurm job gets its role", shapes)
