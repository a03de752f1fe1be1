"""What `python -m pneumo` needs besides: outputs that survive, signals, the terminal."""
