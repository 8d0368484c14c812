"""How one HTTP request is carried, and until when."""
