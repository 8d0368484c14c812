"""Make a release from what release.toml says, a step a module: `python -m release --help`."""
