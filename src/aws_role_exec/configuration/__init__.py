"""What the AWS configuration and credentials files say: files, and the settings in them."""
