"""The question space as families: what is asked × what it is asked about.

Each family is one loop over kinds of events or image questions that yields `Template`s; the sentence comes from the
phrases of the kind. Programs are functions over the parts of a question, see `program_parts`; what families share of them is
in `pieces` and `group_pieces`. `catalogue` joins all families by official number.
"""
