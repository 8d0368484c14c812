"""One loop of attempts for whatever is asked."""

import time

import pytest

from aws_role_exec.errors import Fault, Refusal
from aws_role_exec.network.deadline import Deadline
from aws_role_exec.network.patience import DOUBTFUL_ATTEMPTS, insist
from aws_role_exec.sts.diagnose import passing, timeout_error

THROTTLED = Refusal("Throttling", "Rate exceeded", 400, {})


class _Service:
    """Gives one answer after the other, the last of them for ever; the times are kept."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers = list(answers)
        self.asked: list[float] = []

    def __call__(self) -> str:
        self.asked.append(time.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class TestInsist:
    def test_what_passes_is_asked_again(self) -> None:
        told: list[str] = []
        service = _Service(THROTTLED, Fault("dropped", "u"), "yes")
        assert insist(service, Deadline(60), told.append, passing) == "yes"
        assert [line.partition("; retrying in")[0] for line in told] == [
            "attempt 1: Throttling",
            "attempt 2: dropped",
        ]

    @pytest.mark.parametrize(
        "error", [Refusal("AccessDenied", "no", 403, {}), Fault("untrusted", "u")]
    )
    def test_what_stays_is_told_at_once(self, error: Exception) -> None:
        service = _Service(error)
        with pytest.raises(type(error)):
            insist(service, Deadline(60), _quiet, passing)
        assert len(service.asked) == 1

    @pytest.mark.parametrize("name", ["unreachable", "no such host", "not STS"])
    def test_what_is_rather_a_mistake_is_asked_three_times(self, name: str) -> None:
        service = _Service(Fault(name, "u"))
        with pytest.raises(Fault):
            insist(service, Deadline(60), _quiet, passing)
        assert len(service.asked) == DOUBTFUL_ATTEMPTS

    @pytest.mark.parametrize("seconds", [1, 3])
    def test_all_the_time_is_used_and_the_last_answer_told(self, seconds: float) -> None:
        """And no attempt begins after the end."""
        service = _Service(THROTTLED)
        deadline = Deadline(seconds)
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            insist(service, deadline, _quiet, passing)
        assert time.monotonic() - begun > 0.8 * seconds
        assert service.asked[-1] - begun > 0.7 * seconds
        count = len(service.asked)
        assert 2 <= count == deadline.answers
        message = str(timeout_error(deadline))
        assert message.endswith(f"{count} responses within {seconds:g}s, the last: Throttling")

    def test_the_words_are_of_what_was_asked_last(self) -> None:
        deadline = Deadline(60)
        insist(_Service(THROTTLED, "yes"), deadline, _quiet, passing)
        insist(_Service("yes"), deadline, _quiet, passing)
        assert (deadline.answers, deadline.last_error) == (0, None)


def _quiet(_: str) -> None:
    pass
