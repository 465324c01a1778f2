"""``python -m evalkit``, for an environment whose scripts are not on the path."""

from evalkit.cli.main import main

if __name__ == "__main__":
    main()
