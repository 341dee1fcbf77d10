"""Whole frames to objects, plates and colours."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vision.serving import AnalysisModel as TritonPythonModel

__all__ = ["TritonPythonModel"]
