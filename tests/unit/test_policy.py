"""Session policies."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_role_exec.errors import UsageError
from aws_role_exec.sts import policy

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(**more):
    return json.dumps({"Version": "2012-10-17", "Statement": STATEMENT, **more})


class TestLoad:
    def test_spaces_are_taken_out_and_the_meaning_kept(self):
        spaced = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]}, indent=8)
        minified = policy.load(spaced)
        assert json.loads(minified) == json.loads(spaced)
        assert " " not in minified
        assert "\n" not in minified

    def test_one_statement_need_not_stand_in_an_array(self):
        assert json.loads(policy.load(document()))["Statement"] == STATEMENT

    def test_a_file_is_read(self, tmp_path):
        path = tmp_path / "policy.json"
        path.write_text("\ufeff" + document(), encoding="utf-8")
        assert json.loads(policy.load(f"file://{path}")) == json.loads(document())

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "not valid JSON"),
            ("policy.json", "not valid JSON"),
            ("{", "not valid JSON"),
            ("[" * 100_000, "nested too deeply"),
            ('{"Statement": NaN}', "not valid JSON"),
            ("[]", "must be a JSON object"),
            ("{}", "no Statement"),
            ('{"Statement": []}', "non-empty"),
            ('{"Statement": "Allow"}', "object"),
            ('{"Statement": [1]}', "statement 1"),
            ('{"Statement": [{"Effect": "Allow"}, {}]}', "statement 2"),
            ('{"Statement": {"Effect": "allow"}}', "Effect"),
            ('{"Statement": {"Effect": ["Allow"]}}', "Effect"),
            ("file:///nonexistent/policy", "cannot be read: No such file"),
            ("file:///", "cannot be read: it is a directory"),
            ("file://\0", "cannot be read"),
        ],
    )
    def test_what_is_no_policy_is_refused_with_the_reason(self, text, reason):
        with pytest.raises(UsageError, match=re.escape(reason)):
            policy.load(text)

    def test_binary_files_are_refused(self, tmp_path):
        path = tmp_path / "policy"
        path.write_bytes(b"\xff\xfe\xff")
        with pytest.raises(UsageError, match="UTF-8"):
            policy.load(f"file://{path}")

    def test_an_endless_file_is_not_read_to_its_end(self):
        with pytest.raises(UsageError, match="neither a file nor a pipe"):
            policy.load("file:///dev/zero")

    def test_it_is_measured_after_minifying(self):
        empty = len(policy.load(document(Id="")))
        fits = document(Id="x" * (2048 - empty))
        assert len(policy.load(" " * 5000 + fits)) == 2048
        with pytest.raises(UsageError, match="2049 characters"):
            policy.load(document(Id="x" * (2049 - empty)))

    @given(st.text(max_size=100))
    def test_what_is_sent_is_in_the_characters_sts_takes_and_means_the_same(self, text):
        sent = policy.load(document(Id=text))
        assert re.fullmatch(r"[\t\n\r\x20-\xff]+", sent)
        assert json.loads(sent)["Id"] == text
