"""One module per command, each with `main(options) -> exit status`."""
