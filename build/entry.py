"""Where the frozen program starts; PyInstaller's Analysis follows the imports from here."""

from aws_role_exec.__main__ import main

main()
