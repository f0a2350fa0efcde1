"""Reading runs back: journals are folded into runs, which can be searched and shown as tables."""
