"""Is it the same as alone? How far apart, how well known, and for which models."""
