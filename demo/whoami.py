"""Print the ARN that STS knows the environment's credentials by; any AWS SDK would do."""

import botocore.session

print(botocore.session.Session().create_client("sts").get_caller_identity()["Arn"])
