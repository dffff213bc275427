"""What is on disk: reading a model file into a base, and writing a `.keras` file."""
