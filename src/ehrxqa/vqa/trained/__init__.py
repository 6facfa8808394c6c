"""Vision models that are trained here: they predict the label table of an image, and the rules answer from it.

In: X-rays and labels of the train split. Out: a folder `OUT/models/NAME` with weights (safetensors) and `model.json`.
`table` says what is predicted, `linear` and `cnn` predict it from pixels, `calibration` turns scores into
probabilities and thresholds, `answering` answers questions from them, `train` does it all in order.
Since every answer comes from one table per image, answers never contradict each other.
"""
