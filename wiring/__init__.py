"""Composition root: settings, container, logging and embedded services."""
