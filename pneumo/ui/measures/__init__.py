"""The threshold, what it does to patients kept out of training, and to the person's own cases."""
