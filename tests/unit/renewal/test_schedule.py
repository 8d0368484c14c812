"""When credentials are renewed, by clocks that are set, stop and jump."""

import pytest

from aws_role_exec.renewal.schedule import Moment, Session, pause

HOUR, DAY = 3600.0, 86400.0
FETCHED = Moment(real=1_000_000.0, running=500.0)


def later(seconds: float, *, clock_set_by: float = 0.0) -> Moment:
    """So long after the credentials came; meanwhile the clock was set ahead by so much."""
    return Moment(FETCHED.real + seconds + clock_set_by, FETCHED.running + seconds)


def session(life: float, jitter: float = 0.0) -> Session:
    return Session(FETCHED, FETCHED.real + life, jitter)


@pytest.mark.parametrize(
    ("life", "ahead"), [(12.0, 4.0), (900.0, 300.0), (HOUR, 1200.0), (12 * HOUR, 1200.0)]
)
def test_renews_a_third_of_the_life_ahead_and_20_minutes_at_most(life: float, ahead: float) -> None:
    assert session(life).until_renewal(later(life - ahead - 1)) == pytest.approx(1)
    assert session(life).until_renewal(later(life - ahead)) == pytest.approx(0)


def test_jobs_that_started_together_renew_one_after_the_other_and_none_earlier() -> None:
    times = [session(HOUR, jitter).until_renewal(later(0)) for jitter in (0.0, 0.5, 1.0)]
    assert times == [2400.0, 2550.0, 2700.0]


def test_after_a_suspend_the_time_that_passed_counts() -> None:
    assert session(HOUR).left(later(2 * HOUR)) == -HOUR


def test_a_clock_that_is_set_ahead_ends_them_as_it_does_for_the_command() -> None:
    assert session(HOUR).left(later(60, clock_set_by=HOUR)) == pytest.approx(-60)


def test_a_clock_that_is_set_back_does_not_make_them_last_longer() -> None:
    assert session(HOUR).left(later(HOUR, clock_set_by=-DAY)) == 0


def test_restored_on_another_machine_they_are_renewed_at_once() -> None:
    elsewhere = Moment(FETCHED.real + 60, running=3.0)
    assert session(HOUR).left(elsewhere) == 0
    assert session(HOUR).until_renewal(elsewhere) < 0


@pytest.mark.parametrize("failures", range(1, 40))
def test_asks_again_within_a_minute_and_sooner_where_somebody_waits(failures: int) -> None:
    for jitter in (0.0, 1.0):
        assert 0.5 <= pause(failures, has_credentials=True, jitter=jitter) <= 60
        assert 0.5 <= pause(failures, has_credentials=False, jitter=jitter) <= 5
