"""Trained models: written once, checked, and loaded as far as they are trusted."""
