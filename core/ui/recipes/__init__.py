"""The form of a recipe: for each page that starts runs."""
