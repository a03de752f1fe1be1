"""Bytes -> Radiograph: pictures, DICOM, archives, within limits; what a user adjusts."""
