"""`python -m cardoon` is the command `cardoon`."""

from cardoon.cli.main import main

if __name__ == "__main__":
    main()
