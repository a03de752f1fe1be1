"""Heatmaps: browsing them, pictures zoomed as one, and checks of whether to trust them."""
