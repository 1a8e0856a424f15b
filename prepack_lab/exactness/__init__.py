"""Is it the same? Which models each method is exact for, and what becomes of it where a part is missing."""
