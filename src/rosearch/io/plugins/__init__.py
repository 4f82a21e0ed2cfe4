"""What users add: registries of everything that has a name, and the import of their modules."""

from rosearch.io.plugins.loading import load_plugins, loaded_plugins, plugin_files
from rosearch.io.plugins.registry import Registry, known, registry

__all__ = ["Registry", "known", "load_plugins", "loaded_plugins", "plugin_files", "registry"]
