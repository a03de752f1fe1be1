"""Radiographs in, listed, chosen, shown as pictures, and out again as a pack."""
