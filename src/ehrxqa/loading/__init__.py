"""Questions in Python: `ehrxqa.load` gives typed records that can be counted, filtered, shown and put into tables."""
