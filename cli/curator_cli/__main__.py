"""Run the command as `python -m curator_cli`."""

from curator_cli import main

main()
