"""The convolutional network of PyTorch's MNIST example."""
