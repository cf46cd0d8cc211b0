"""Asks providers of many chains about payments that somebody claims to have made."""
