"""The endpoint of a region of a form that we do not know: botocore's own answer."""

from __future__ import annotations

from typing import Any

import botocore
import botocore.exceptions
import botocore.session
from botocore.config import Config

from aws_role_exec.errors import UsageError
from aws_role_exec.sts.endpoint import Endpoint, check_url

VERSION = botocore.__version__


def resolve(region: str, is_fips: bool, is_dual_stack: bool, is_global: bool) -> Endpoint:
    """Return what botocore's rules say of a region.

    Raises UsageError, in botocore's words, where they know none.
    """
    session = botocore.session.Session()
    session.set_config_variable("sts_regional_endpoints", "legacy" if is_global else "regional")
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    config = Config(use_fips_endpoint=is_fips, use_dualstack_endpoint=is_dual_stack)
    keys: dict[str, Any] = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    try:
        client: Any = session.create_client("sts", region_name=region, config=config, **keys)
        operation = client.meta.service_model.operation_model("AssumeRole")
        context: dict[str, Any] = {"client_region": region, "client_config": client.meta.config}
        url, _, _ = client._resolve_endpoint_ruleset(operation, {}, context)
    except botocore.exceptions.BotoCoreError as error:
        raise UsageError(f"region {region}: {error}") from None
    url = check_url(url)
    signing_region = context.get("signing", {}).get("region") or client._request_signer._region_name
    host = url.partition("://")[2].removesuffix("/")
    return Endpoint(url, host, "/", signing_region)
