"""Flask edge: pages, JSON API and incoming notifications."""
