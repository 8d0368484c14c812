"""Ask STS who the environment's identity is, with a real SDK, and print the ARN.

Run as a process of its own: it stands for every program that is handed credentials.
"""

import botocore.session

print(botocore.session.Session().create_client("sts").get_caller_identity()["Arn"])
