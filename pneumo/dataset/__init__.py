"""Labelled folders: their radiographs, who is on them, and splits that part no patient."""
