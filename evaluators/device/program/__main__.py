"""Where the zip application begins."""

from evaluators.device.program.main import main

if __name__ == "__main__":
    main()
