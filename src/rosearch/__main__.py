"""`python -m rosearch` is the command `rosearch`."""

from rosearch.cli.main import main

if __name__ == "__main__":
    main()
