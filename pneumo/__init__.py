"""Pneumonia against normal on chest radiographs of children, with the evidence shown.

The way of the data, one module an arrow:

    bytes -> Radiograph -> lung field -> model input -> feature maps -> probability + evidence
    -> Reading

`import pneumo` loads nothing heavy: import the module you need.
"""

__version__ = "0.2.0"

NORMAL, PNEUMONIA = 0, 1
CLASSES = ("NORMAL", "PNEUMONIA")
"""Class names in the order of the network's two outputs."""
