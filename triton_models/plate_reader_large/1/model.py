"""The second opinion on plate texts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vision.serving import LargeReaderModel as TritonPythonModel

__all__ = ["TritonPythonModel"]
