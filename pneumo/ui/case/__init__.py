"""One radiograph: picture, answer, what speaks against it, what may be adjusted."""
