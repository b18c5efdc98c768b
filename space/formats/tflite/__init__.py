"""TensorFlow Lite files: written, quantized, counted."""
