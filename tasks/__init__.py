"""Celery edge: thin tasks that wake, claim and record."""
