"""Delivery: hands what journals hold on to further destinations, with a cursor a run and a thread each.

The journal comes first and holds everything; a destination that is slow or away holds up neither the program nor the
others. A cursor says how far a run has been handed over; it lies beside the journals, so that a later process, or
`autolog sync`, goes on where this one stopped. A batch may be handed over twice, when a cursor could not be written
in time.
"""
