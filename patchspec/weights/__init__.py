"""Where weights go and where new ones come from: lineage, seeds and initial values."""
