"""pyarrow, which is the AWS SDK for C++: one file system, for as long as there is more to do."""

import sys

from pyarrow.fs import S3FileSystem

bucket, endpoint = sys.argv[1:]
s3 = S3FileSystem(endpoint_override=endpoint, scheme="http")
while b"more" in s3.open_input_stream(f"{bucket}/state").read():
    pass
