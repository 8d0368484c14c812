"""Takes the place of PyInstaller's own hook, which would collect botocore's data of every service.

What the program needs of it is frozen by ../botocore_data.py.
"""

datas: list[tuple[str, str]] = []
