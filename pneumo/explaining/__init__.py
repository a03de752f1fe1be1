"""Feature maps -> heatmaps, where they lie, what they are worth."""
