"""In the place of botocore's: generating documentation imports html and inspect's relatives."""
