"""Drawing values: from rows of the database, so that answers exist by construction.

A template names its way of drawing. A way first takes events (a patient's, or anybody's), then derives names, filters
and thresholds from them. Truth values are drawn before the rest, so that yes and no come about equally often. `draw`
is one try and what ways share; `patient`, `group`, `images` and `multimodal` hold the ways; `sampler` finds them.
"""
