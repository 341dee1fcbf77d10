"""Looks and colours of vehicles: the network alone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vision.serving import NetworkModel as TritonPythonModel

__all__ = ["TritonPythonModel"]
