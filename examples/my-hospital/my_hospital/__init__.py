"""An example of what other packages bring to ehrxqa: a table, a family of questions, a vision model, a metric."""
