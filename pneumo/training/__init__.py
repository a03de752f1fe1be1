"""What `train.py` is made of: data on its way into the network, and records of the run."""
