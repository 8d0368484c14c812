"""Where the caller's limits leave the executable no room, it says so and does nothing."""

import pytest

from runner import Runner
from servers.sts import Sts

TRUE = ("--", "/bin/true")


@pytest.fixture
def limited(run: Runner, program: list[str]) -> Runner:
    run.program = program
    return run


def limits(words: str) -> list[str]:
    return ["sh", "-c", f'ulimit {words}; exec "$@"', "sh"]


@pytest.mark.parametrize(
    ("words", "why"),
    [("-v 22000", "not enough memory"), ("-d 4000", "not enough memory"), ("-s 64", "the stack")],
)
def test_too_little_to_start_is_told_in_one_line(
    limited: Runner, sts: Sts, words: str, why: str
) -> None:
    assert why in limited.assume(*TRUE, prefix=limits(words)).failure(125).line
    assert not sts.asked


def test_a_shell_that_evaluates_the_output_stops(limited: Runner) -> None:
    """Though the program does not get as far as reading its options."""
    assert limited.assume(prefix=limits("-s 64")).out == "false\n"
    assert limited.assume(*TRUE, prefix=limits("-s 64")).out == "", "stdout is the command's"


def test_little_is_enough(limited: Runner) -> None:
    limited.assume(*TRUE, prefix=limits("-v 60000; ulimit -s 256; ulimit -n 16")).ok()


@pytest.mark.parametrize("count", range(4, 12))
def test_few_descriptors_are_enough_or_an_error(limited: Runner, count: int) -> None:
    """`ulimit -n`: never a file of ours in the place of stdout, never another identity."""
    result = limited.assume(*TRUE, prefix=limits(f"-n {count}"))
    if result.code:
        result.failure(result.code)
    assert result.out == ""
