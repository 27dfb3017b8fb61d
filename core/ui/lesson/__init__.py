"""The room of the lesson: steps, pictures that follow a control, questions that are checked."""
