"""Whom to trust."""

from aws_role_exec.network import trust


class TestFindTrustStore:
    def test_the_first_store_that_is_there_and_has_something_in_it(self, tmp_path, monkeypatch):
        (tmp_path / "empty").touch()
        (tmp_path / "directory").mkdir()
        (tmp_path / "store").write_text("pem")
        names = ("missing", "empty", "directory", "store")
        monkeypatch.setattr(trust, "SYSTEM_STORES", tuple(str(tmp_path / name) for name in names))
        assert trust.find_trust_store({}) == str(tmp_path / "store")

    def test_ssl_cert_file_goes_before_it(self, tmp_path):
        (tmp_path / "mine").write_text("pem")
        mine = str(tmp_path / "mine")
        assert trust.find_trust_store({"SSL_CERT_FILE": mine}) == mine

    def test_none_stands_for_the_bundled_ones(self, monkeypatch):
        monkeypatch.setattr(trust, "SYSTEM_STORES", ("/nonexistent",))
        assert trust.find_trust_store({"SSL_CERT_FILE": "/nonexistent"}) is None
