"""How well unusual days are found: planted faults in a real feed, ours and other detectors."""
