"""One deadline for whatever is being waited for."""

import subprocess
import threading

import pytest

from aws_role_exec.network.deadline import Deadline, run_until


class TestRunUntil:
    def test_it_returns_what_the_work_returns(self):
        assert run_until(Deadline(60), lambda: 42) == 42

    def test_it_raises_what_the_work_raises(self):
        with pytest.raises(ZeroDivisionError):
            run_until(Deadline(60), lambda: 1 // 0)

    def test_it_stops_waiting_when_the_time_has_passed(self):
        never = threading.Event()
        with pytest.raises(TimeoutError):
            run_until(Deadline(0.05), never.wait)
        never.set()

    def test_a_deadline_that_has_passed_already_is_no_error_of_another_kind(self):
        never = threading.Event()
        with pytest.raises(TimeoutError):
            run_until(Deadline(-1), never.wait)
        never.set()

    def test_a_helper_that_did_not_answer_is_ended(self):
        helpers = []

        def work():
            helpers.append(subprocess.Popen(["sleep", "600"]))
            helpers[0].wait()

        with pytest.raises(TimeoutError):
            run_until(Deadline(0.5), work)
        assert helpers[0].wait(timeout=30) == -15
