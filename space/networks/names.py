"""Names: which networks are our own, and which is meant where none is named; loads none of them."""

DEFAULT = "mobilenet_v1"
# Where each is described, in the order in which they are listed.
OWN = {
    "mobilenet_v1": "space.networks.mobilenet_v1.description:MOBILENET_V1",
    "mobilenet_v2": "space.networks.mobilenet_v2.description:MOBILENET_V2",
    "mnist_cnn": "space.networks.mnist_cnn.description:MNIST_CNN",
}
