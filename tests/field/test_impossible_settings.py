"""Settings with which botocore makes no client: its own sentence, and not an unexpected error.

boto/botocore#2835.
"""

import pytest

from runner import Runner
from servers.sts import Sts

SETTINGS = {
    "AWS_DEFAULTS_MODE": ("bad", "invalid defaults mode: bad"),
    "AWS_STS_REGIONAL_ENDPOINTS": ("Regional", "Valid options are"),
    "services": ("nosuch", '"nosuch" services configuration does not exist'),
    "sso_session": ("nosuch", '"nosuch" sso_session configuration does not exist'),
    "defaults_mode": ("bad", "invalid defaults mode: bad"),
    "sts_regional_endpoints": ("Global", "Valid options are"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_are_exit_2_in_botocores_words(run: Runner, sts: Sts, name: str) -> None:
    """Also with keys in the environment."""
    value, sentence = SETTINGS[name]
    env: dict[str, str | bytes | None] = {"AWS_ENDPOINT_URL_STS": None}
    if name.isupper():
        env[name] = value
    else:
        (run.home / ".aws").mkdir()
        (run.home / ".aws/config").write_text(f"[default]\n{name} = {value}\n")
    failure = run.assume("--", "true", env=env).failure(2)
    assert sentence in failure.line
    assert not sts.asked
