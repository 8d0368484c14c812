"""What the file is: static, small, of its machine, and silent about the one that built it."""

import io
import re
import ssl
import subprocess
import tarfile
from pathlib import Path

import botocore

from .conftest import ROOT

MEGABYTE = 1_000_000


def readelf(option: str, executable: Path) -> str:
    command = ["readelf", "--wide", option, str(executable)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class TestTheFile:
    def test_is_static(self, executable: Path) -> None:
        """No interpreter, no library, nothing for LD_LIBRARY_PATH or LD_PRELOAD to act on."""
        headers = readelf("--program-headers", executable)
        assert "INTERP" not in headers
        assert "NEEDED" not in readelf("--dynamic", executable)
        assert "EXEC (Executable file)" in readelf("--file-header", executable)

    def test_has_no_executable_stack(self, executable: Path) -> None:
        (stack,) = re.findall(r"GNU_STACK .*", readelf("--program-headers", executable))
        assert " E " not in stack, stack
        assert "RWE" not in stack, stack

    def test_gives_threads_the_stack_that_python_needs(self, executable: Path) -> None:
        """musl reads it from the file; its default of 128 KiB is too little for botocore."""
        assert re.search(r"GNU_STACK .* 0x800000 ", readelf("--program-headers", executable))

    def test_is_of_its_machine(self, executable: Path) -> None:
        machine = {"linux_amd64": "X86-64", "linux_arm64": "AArch64"}[executable.parent.name]
        assert re.search(rf"Machine: +.*{machine}", readelf("--file-header", executable))

    def test_is_small(self, executable: Path) -> None:
        assert executable.stat().st_size <= 20 * MEGABYTE
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(executable, "aws-role-exec")
        assert len(packed.getvalue()) <= 8 * MEGABYTE

    def test_names_no_place_of_the_build_machine(self, executable: Path) -> None:
        content = executable.read_bytes()
        for place in (str(ROOT), str(Path.home() / ".cache"), "aws-role-exec-build-"):
            assert place.encode() not in content, place

    def test_holds_the_certificates_of_last_resort(self, executable: Path) -> None:
        """Every root that botocore brings; which one AWS's servers need is AWS's business."""
        content = executable.read_bytes()
        bundle = Path(botocore.__file__).with_name("cacert.pem").read_text()
        roots = re.findall(r"-----BEGIN CERT.*?-----END CERTIFICATE-----", bundle, re.DOTALL)
        assert len(roots) > 100
        missing = [root for root in roots if ssl.PEM_cert_to_DER_cert(root) not in content]
        assert len(missing) < 20, "more than two releases of botocore can tell apart"
