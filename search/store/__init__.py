"""What was evaluated, on disk: a folder with one database and the files of the candidates."""
