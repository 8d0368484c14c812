"""How much of each fault is tried: a few, always the same ones, unless somebody asks for more."""

import os

SEED = int(os.environ.get("TORTURE_SEED", "20261125"))
CASES = int(os.environ.get("TORTURE_CASES", "40"))
"""Of each scene."""
TIMES = int(os.environ.get("TORTURE_TIMES", "1"))
"""As many random inputs as in every run of the tests; `make torture` sets it."""
