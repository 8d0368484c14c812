"""One file a scheduler: am I here, what is this job called, how long has it left."""
