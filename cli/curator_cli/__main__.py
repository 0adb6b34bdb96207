"""Run the command as `python -m curator_cli`."""

from curator_cli import main

if (
    __name__ == "__main__"
):  # the review page starts a process of its own for the map, which imports this again
    main()
