"""obstore, which is Rust's object_store: one store, for as long as there is more to do."""

import sys

from obstore.store import S3Store

bucket, endpoint = sys.argv[1:]
store = S3Store(
    bucket,
    endpoint=endpoint,
    virtual_hosted_style_request=False,
    client_options={"allow_http": True},
)
while b"more" in bytes(store.get("state").bytes()):
    pass
