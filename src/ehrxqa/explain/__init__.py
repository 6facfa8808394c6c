"""Why an answer is what it is: steps, lost rows, report sentences, evidence."""
