"""The entrance."""

from __future__ import annotations

from aws_role_exec.handover import cores, descriptors, signals

_CALLER_SIGNALS = signals.take_over()  # first of all: from here on a signal ends us quietly
descriptors.hold()
cores.forbid()


def main() -> None:
    """Run the program on this process's arguments and environment; never returns."""
    from aws_role_exec import cli  # after the line above

    cli.main(_CALLER_SIGNALS)


if __name__ == "__main__":
    main()
