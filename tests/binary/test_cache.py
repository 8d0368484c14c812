"""The build's cache: what is in it is whole, whatever happened while it was made."""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT

sys.path.insert(0, str(ROOT / "build"))
from build import Cache  # type: ignore[import-not-found]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cache:
    monkeypatch.setenv("AWS_ROLE_EXEC_BUILD_CACHE", str(tmp_path))
    return Cache()


def whole(place: Path) -> None:
    (place / "first").touch()
    (place / "second").touch()


def half(place: Path) -> None:
    (place / "first").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def slow(place: Path) -> None:
    time.sleep(0.3)
    assert not (place / "first").exists(), "made by two at once"
    whole(place)


def test_an_entry_is_made_once(cache: Cache) -> None:
    place = cache.entry("thing", ["input"], whole)
    assert sorted(os.listdir(place)) == ["first", "second"]
    assert cache.entry("thing", ["input"], lambda _: pytest.fail("made again")) == place


def test_other_inputs_are_another_entry(cache: Cache) -> None:
    assert cache.entry("thing", ["a", "b"], whole) != cache.entry("thing", ["ab", ""], whole)


def test_a_killed_build_leaves_no_entry(cache: Cache) -> None:
    process = multiprocessing.get_context("fork").Process(
        target=cache.entry, args=("thing", ["input"], half)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    place = cache.entry("thing", ["input"], whole)
    assert sorted(os.listdir(place)) == ["first", "second"]


def test_two_builds_at_once_make_it_once(cache: Cache) -> None:
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=cache.entry, args=("thing", ["input"], slow)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
