"""Role ARNs."""

import pytest

from aws_role_exec.errors import UsageError
from aws_role_exec.sts import role

ARN = "arn:aws:iam::123456789012:role/reader"


class TestCheckArn:
    @pytest.mark.parametrize(
        "arn",
        [
            ARN,
            "arn:aws-cn:iam::123456789012:role/reader",
            "arn:aws-us-gov:iam::123456789012:role/reader",
            "arn:aws-iso-b:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:role/team/project/reader",
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x_1",
            "arn:aws:iam::123456789012:role/" + "a" * 64,
            "arn:aws:iam::123456789012:role/a+=,.@_-Z9",
        ],
    )
    def test_a_role_is_taken(self, arn):
        assert role.check_arn(arn) == arn

    @pytest.mark.parametrize(
        "arn",
        [
            "",
            "reader",
            "123456789012:role/reader",
            "arn:aws:iam::12345678901:role/reader",
            "arn:aws:iam::1234567890123:role/reader",
            "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/reader",
            "arn:aws:iam::123456789012:user/ann",
            "arn:aws:iam::123456789012:instance-profile/reader",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/team/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/" + "a" * 65,
            "arn:aws:iam:us-east-1:123456789012:role/reader",
            "arn:AWS:iam::123456789012:role/reader",
            "arn:aws:s3:::bucket",
            ARN + "\n",
            " " + ARN,
            "arn:aws:iam::123456789012:role/" + "/" * 5000,
        ],
    )
    def test_anything_else_is_refused(self, arn):
        with pytest.raises(UsageError, match="not the ARN"):
            role.check_arn(arn)

    def test_a_session_is_shown_the_role_it_is_of(self):
        with pytest.raises(UsageError) as refusal:
            role.check_arn("arn:aws:sts::123456789012:assumed-role/reader/job-1")
        assert (
            refusal.value.hint
            == f"that is the ARN of a session; its role is {ARN}, if it has no path"
        )

    def test_a_session_of_an_sso_login_is_no_role_to_assume(self):
        """It has a path, which the session's ARN leaves out, and trusts the login alone."""
        with pytest.raises(UsageError) as refusal:
            role.check_arn("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Dev_0a1b/alice")
        assert "role/AWSReservedSSO" not in refusal.value.hint
        assert "--profile" in refusal.value.hint


def test_the_partition_is_the_second_field():
    assert role.partition("arn:aws-cn:iam::123456789012:role/x") == "aws-cn"
