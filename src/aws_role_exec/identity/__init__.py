"""Who asks: one file a source of credentials; `chain` reads as a list."""
