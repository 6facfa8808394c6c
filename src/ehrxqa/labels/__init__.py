"""What each image shows: cohort, ontology, refined labels, and the train/valid/test split.

In: the images of MIMIC-CXR-JPG and the statements and boxes of Chest ImaGenome. Out: `OUT/labels/*.parquet`,
read back with `store.read_labels`. Nothing here knows about the clinical tables or the databases.
"""
