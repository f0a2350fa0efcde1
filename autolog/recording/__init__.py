"""Runs being written: facts become events, in the context and the process they belong to."""
