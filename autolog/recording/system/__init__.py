"""The load of the machine while runs last: sampled on a thread of ours, as series of the runs."""
