"""Bulk API 2.0 queries: jobs, and their results as CSV."""
