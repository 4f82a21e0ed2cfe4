"""Callbacks: what looks on while a run goes on, such as experiment tracking."""
