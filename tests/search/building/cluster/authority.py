"""Authority: who signs certificates for a scheduler, its workers and their controllers."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROLES = ("scheduler", "worker", "client")


@dataclass(frozen=True)
class Authority:
    ca: Path
    certificate: Path

    def settings(self) -> dict[str, str]:
        """The settings of Dask's configuration that name these files."""
        certificates = {f"{role}.{part}": str(self.certificate) for role in ROLES for part in ("cert", "key")}
        named = {"ca-file": str(self.ca), **certificates}
        return {f"distributed.comm.tls.{name}": value for name, value in named.items()}

    def environment(self) -> dict[str, str]:
        return {
            f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": value
            for name, value in self.settings().items()
        }


def authority(folder: Path) -> Authority:
    folder.mkdir()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    signs, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate(name, name, signs, signs, is_authority=True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    signed = _certificate(subject, name, own, signs, is_authority=False)
    files = Authority(folder / "ca.pem", folder / "certificate.pem")
    files.ca.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files.certificate.write_bytes(key + signed.public_bytes(serialization.Encoding.PEM))
    return files


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signs: ec.EllipticCurvePrivateKey,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    return builder.add_extension(constraints, critical=True).sign(signs, hashes.SHA256())
