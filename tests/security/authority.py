"""A certificate authority of a test's own, made with openssl."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificate(NamedTuple):
    """PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates that whoever trusts `root.certificate` trusts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.root = Certificate(folder / "ca.pem", folder / "ca.key")
        _openssl(
            "req", "-x509", *_NEW_KEY, "-days", "2", "-subj", "/CN=test authority",
            "-keyout", self.root.key, "-out", self.root.certificate,
        )

    def issue(self, name: str, days: int = 60) -> Certificate:
        """Return a certificate for a host name or an IP number."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        kind = "IP" if name.replace(".", "").isdigit() else "DNS"
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={kind}:{name}\n")
        _openssl("req", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.root.certificate, "-CAkey", self.root.key, "-CAcreateserial",
            "-days", days, "-extfile", extensions, "-out", made.certificate,
        )
        return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True)
