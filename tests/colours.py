"""How well colours are told apart."""

import re


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, as #rrggbb or as a browser writes them (WCAG 2.2, 1.4.3)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    if colour.startswith("#"):
        levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    else:
        levels = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
    linear = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in levels]
    return sum(n * w for n, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))
