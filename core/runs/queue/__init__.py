"""Who is next: the queue, its scheduler and workers, and what people ask of runs."""
