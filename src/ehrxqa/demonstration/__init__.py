"""`ehrxqa demo`: a synthetic hospital, everything built from it, and a look around."""
