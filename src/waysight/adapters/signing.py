"""Ed25519 signatures of evidence packages (cryptography); the private key never leaves the machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from waysight.errors import BadConfiguration, BadMessage
from waysight.settings import Settings


class Signer:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_pem(self) -> bytes:
        """The public key (PEM)."""
        return _pem(self._key.public_key())

    @property
    def key(self) -> str:
        """The public key's fingerprint, which names it."""
        return fingerprint(self.public_pem)

    @property
    def private_pem(self) -> bytes:
        """The private key (PEM, PKCS 8, not encrypted), to be kept where nobody else reads."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature of `data`."""
        return self._key.sign(data)


def open_signer(settings: Settings) -> Signer:
    """The signer of this machine: the configured key, or one made on first use (file mode 600).

    Raises BadConfiguration for a key that is no Ed25519 key, or that others can read.
    """
    configured = settings.evidence_key.get_secret_value()
    if configured:
        return Signer(_private(configured.encode(), "WAYSIGHT_EVIDENCE_KEY"))
    path = key_path(settings)
    if not path.exists():
        _create(path)
    return read_signer(path)


def new_signer() -> Signer:
    """A signer with a key that was just made."""
    return Signer(Ed25519PrivateKey.generate())


def read_signer(path: Path) -> Signer:
    """The signer of a private key's file (PEM); raises BadConfiguration when it is none or others can read it."""
    if not path.is_file():
        raise BadConfiguration(f"{path} is no file")
    if path.stat().st_mode & 0o077:
        raise BadConfiguration(
            f"{path} can be read by others; run chmod 600 on it, and make a new key if it leaked"
        )
    return Signer(_private(path.read_bytes(), str(path)))


def write_private(path: Path, signer: Signer) -> None:
    """Write a private key for its owner only (file mode 600), whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(signer.private_pem)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def key_path(settings: Settings) -> Path:
    """Where this machine's private key lies."""
    return settings.state_dir.resolve() / "keys" / "evidence-ed25519.pem"


def is_signed(public_pem: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is this key's over this data; raises BadMessage when the key is no Ed25519 key."""
    try:
        _public(public_pem).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def canonical_pem(public_pem: bytes) -> bytes:
    """The public key written in the one way that `Signer.public_pem` writes it; raises BadMessage for no key."""
    return _pem(_public(public_pem))


def fingerprint(public_pem: bytes) -> str:
    """A short name of a public key: the first 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public_pem.strip()).hexdigest()[:32]


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadMessage(f"not a public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadMessage("not an Ed25519 public key")
    return key


def _private(pem: bytes, where: str) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadConfiguration(f"{where} is no unencrypted private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfiguration(f"{where} is no Ed25519 key")
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}.new")
    write_private(draft, new_signer())
    try:
        os.link(draft, path)  # fails where another process was first: its key is the one
    except FileExistsError:
        pass
    finally:
        draft.unlink()
