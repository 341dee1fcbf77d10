"""What happens around the networks: decoding, letterboxing, boxes, plate reading, colour, and the whole analysis.

Imported by the Triton models (whose environment has numpy, opencv, av and onnxruntime, and no waysight),
by the evaluation commands and by tests; pictures and payloads in, plain values out.
"""
