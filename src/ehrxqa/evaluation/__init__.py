"""How good predicted answers are: execution accuracy and reliability scores.

In: a gold file and a file of predicted answers. Out: scores overall, per modality, scope and family, with
bootstrap intervals, under a profile that states every rule of the comparison.
"""
