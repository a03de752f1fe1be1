"""What one person's session holds, and what panels hand to each other."""
