"""polars: one scan after the other, for as long as there is more to do."""

import itertools
import sys

import polars

bucket, endpoint = sys.argv[1:]
options = {"aws_endpoint_url": endpoint, "allow_http": "true"}
for number in itertools.count():
    frame = polars.scan_csv(f"s3://{bucket}/state-{number}.csv", storage_options=options).collect()
    if frame["state"][0] == "done":
        break
