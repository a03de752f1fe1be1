"""Tests, and the browser helpers that the screenshots share."""
