"""From a source to numbered, stamped frames: sampling, lanes, pace, motion gate."""
