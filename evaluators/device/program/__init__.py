"""The program that runs on the board, in parts; evaluators.device.on_board.application makes one file of them."""
