"""Readings -> rows, CSV and JSON, PDF pages, evidence pack."""
