"""Systems that answer questions, and what they did: a question goes in, NeuralSQL and a run folder come out.

A *parser* turns a question into NeuralSQL. A *run* asks a parser and a vision model all questions of a split, and
keeps queries, outcomes, answers and scores in a folder of its own (`run_folder`).
"""
