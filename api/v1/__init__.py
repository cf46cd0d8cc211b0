"""The JSON API, one noun a module."""

from flask_smorest import Blueprint

BLUEPRINTS: tuple[Blueprint, ...] = ()
