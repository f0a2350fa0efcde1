"""Settings: the kinds of values, the table of options, where each value comes from, and the page that tells of them."""
