"""Executors: where evaluations run. One Protocol, one behaviour suite."""
