"""From sources to a checked build: labels, databases, manifest; what a build holds, and whether it is right."""
