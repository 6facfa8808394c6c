"""New questions over any integrated database, each checked before it is written.

In: the databases of a build. Out: question records in the official form, and links to what they are about. `times`
and `slots` declare what may stand in a sentence and in SQL, `table`, `image` and `multimodal` the families built
from them, `catalogue` joins these to the official template numbers, `sampling` draws values, `checking` proves.
"""
