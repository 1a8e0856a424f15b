"""Seconds and bytes, measured honestly; and measurements that were taken elsewhere."""
