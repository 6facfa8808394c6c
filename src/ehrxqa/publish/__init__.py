"""Question files as others load them: Parquet, dataset card, Croissant, tables.json."""
