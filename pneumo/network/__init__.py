"""Radiograph -> probability: lungs, model input, classifier, thresholds, and who may be judged."""
