"""What comes in: the PhysioNet files of MIMIC-IV, MIMIC-CXR-JPG and Chest ImaGenome.

In: a folder of files as PhysioNet lays them out. Out: Arrow batches and small typed values, read as a
stream. Nothing here knows about labels, questions or the integrated database.
"""
