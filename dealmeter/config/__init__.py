"""The configuration: found, read, expanded and checked once, then passed as a value."""

from dealmeter.config.load import Configured, load
from dealmeter.config.models import Config, ConnectionSettings
from dealmeter.errors import ConfigError, Problem

__all__ = ["Config", "ConfigError", "Configured", "ConnectionSettings", "Problem", "load"]
