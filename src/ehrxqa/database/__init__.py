"""The integrated database: 19 SQLite tables of clinical events and chest X-ray studies.

In: the MIMIC-IV tables and `OUT/labels`. Out: `OUT/database/{train,test}/mimic_iv_cxr.db`, time-shifted and
de-identified, row for row what the official builder makes. Nothing here knows about questions.
"""
