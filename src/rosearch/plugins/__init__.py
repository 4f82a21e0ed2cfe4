"""What users add: registries of everything that has a name, and the import of their modules."""

from rosearch.plugins.loading import load_plugins, loaded_plugins, plugin_files
from rosearch.plugins.registry import Registry, known, registry

__all__ = ["Registry", "known", "load_plugins", "loaded_plugins", "plugin_files", "registry"]
