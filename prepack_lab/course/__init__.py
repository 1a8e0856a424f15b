"""The lessons' side: exercises and their checks, experiments, simulations of servers, and grading."""
