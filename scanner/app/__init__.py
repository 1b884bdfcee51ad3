"""What a sweep is, for every front: options, assembly, engine, identification, history, exit status, the loop."""
