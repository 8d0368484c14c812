"""boto3: one session, one client, for as long as there is more to do."""

import sys

import boto3

bucket, endpoint = sys.argv[1:]
s3 = boto3.Session().client("s3", endpoint_url=endpoint)
while b"more" in s3.get_object(Bucket=bucket, Key="state")["Body"].read():
    pass
